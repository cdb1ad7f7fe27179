# Read by the walker: a register of classes, and how an object is built from its settings; never imported.


def build_from_cfg(cfg, registry, default_args=None):
    settings = dict(cfg)
    for name, value in (default_args or {}).items():
        settings.setdefault(name, value)
    return registry.get(settings.pop("type"))(**settings)


class Registry:
    def __init__(self, name, build_func=None, parent=None, children=None, scope=None, locations=()):
        self.module_dict = {}

    def _register_module(self, module, module_name=None):
        self.module_dict[module_name or module.__name__] = module
        return module

    def register_module(self, name=None, force=False, module=None):
        if module is not None:
            return self._register_module(module, name)

        def register(module):
            return self._register_module(module, name)

        return register

    def get(self, key):
        if isinstance(key, str):
            return self.module_dict.get(key)
        return key

    def build(self, cfg, *args, **kwargs):
        return build_from_cfg(cfg, self, kwargs.get("default_args"))
