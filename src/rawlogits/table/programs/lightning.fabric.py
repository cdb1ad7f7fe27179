# Read by the walker; never imported.


class Fabric:
    def launch(self, function=None, *args, **kwargs):
        return None if function is None else function(self, *args, **kwargs)

    def setup(self, module, *optimizers, **kwargs):
        if len(optimizers) == 0:
            return module
        return (module, *optimizers)

    def setup_module(self, module, **kwargs):
        return module

    def setup_dataloaders(self, *dataloaders, **kwargs):
        if len(dataloaders) == 1:
            return dataloaders[0]
        return dataloaders

    def to_device(self, obj):
        return obj
