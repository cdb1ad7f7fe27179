# Read by the walker as the meaning of torch.nn's containers; never imported. No comment here is for users' eyes.
from torch.nn.functional import linear


class Module:
    training = True

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def train(self, mode=True):
        self.training = mode
        for child in self.children():
            if isinstance(child, Module):
                child.train(mode)
        return self

    def eval(self):
        return self.train(False)

    def children(self):
        return [child for child in vars(self).values() if isinstance(child, Module)]

    def modules(self):
        return self.children()

    def add_module(self, name, module):
        setattr(self, name, module)

    def register_module(self, name, module):
        setattr(self, name, module)

    def register_buffer(self, name, tensor, persistent=True):
        setattr(self, name, tensor)

    def register_parameter(self, name, param):
        setattr(self, name, param)

    def get_submodule(self, target):
        return getattr(self, target)

    def to(self, *args, **kwargs):
        return self

    def cuda(self, device=None):
        return self

    cpu = float = half = double = bfloat16 = type = xpu = to_empty = share_memory = apply = compile = to
    requires_grad_ = to


_Loss = _WeightedLoss = Module


class Sequential(Module):
    def __init__(self, *layers):
        self._layers = []
        if len(layers) == 1 and isinstance(layers[0], dict):
            for name, layer in layers[0].items():
                self.add_module(name, layer)
        else:
            for layer in layers:
                self._layers.append(layer)

    def forward(self, input):
        for layer in self._layers:
            input = layer(input)
        return input

    def add_module(self, name, module):
        setattr(self, name, module)
        self._layers.append(module)

    register_module = add_module

    def append(self, module):
        self._layers.append(module)
        return self

    def extend(self, modules):
        self._layers.extend(modules)
        return self

    def insert(self, index, module):
        self._layers.insert(index, module)
        return self

    def pop(self, index):
        return self._layers.pop(index)

    def children(self):
        return self._layers

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return Sequential(*self._layers[index[0] : index[1] : index[2]])
        return self._layers[index]

    def __setitem__(self, index, module):
        self._layers[index] = module

    def __iter__(self):
        return self._layers

    def __len__(self):
        return len(self._layers)


class ModuleList(Module):
    def __init__(self, modules=()):
        self._layers = list(modules)

    def append(self, module):
        self._layers.append(module)
        return self

    def extend(self, modules):
        self._layers.extend(modules)
        return self

    def insert(self, index, module):
        self._layers.insert(index, module)

    def children(self):
        return self._layers

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return self._layers[index[0] : index[1] : index[2]]
        return self._layers[index]

    def __setitem__(self, index, module):
        self._layers[index] = module

    def __iter__(self):
        return self._layers

    def __len__(self):
        return len(self._layers)


class ModuleDict(Module):
    def __init__(self, modules=None):
        self._layers = dict(modules) if modules is not None else {}

    def update(self, modules):
        self._layers.update(modules)

    def items(self):
        return self._layers.items()

    def keys(self):
        return self._layers.keys()

    def values(self):
        return self._layers.values()

    def children(self):
        return self._layers.values()

    def __getitem__(self, key):
        return self._layers[key]

    def __setitem__(self, key, module):
        self._layers[key] = module

    def __iter__(self):
        return self._layers.keys()


class DataParallel(Module):
    def __init__(self, module, *args, **kwargs):
        self.module = module

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


class AdaptiveLogSoftmaxWithLoss(Module):
    def log_prob(self, input):
        return linear(input).log_softmax(-1)
