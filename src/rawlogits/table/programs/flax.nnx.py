# Read by the walker as the meaning of flax.nnx; never imported.
from jax import grad as _grad
from jax import pmap as _pmap
from jax import value_and_grad as _value_and_grad
from jax import vjp as _vjp
from jax import vmap as _vmap
from jax.interpreters.ad import backward_pass


class Module:
    def train(self, **attributes):
        pass

    def eval(self, **attributes):
        pass

    def set_attributes(self, *filters, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)


class Sequential(Module):
    def __init__(self, *fns):
        self.layers = list(fns)

    def __call__(self, *args, **kwargs):
        out = self.layers[0](*args)
        for layer in self.layers[1:]:
            out = layer(out)
        return out


class List(Module):
    def __init__(self, items=()):
        self._items = list(items)

    def append(self, item):
        self._items.append(item)

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return self._items[index[0] : index[1] : index[2]]
        return self._items[index]

    def __iter__(self):
        return self._items

    def __len__(self):
        return len(self._items)


class Optimizer:
    def __init__(self, model, tx, wrt=None):
        self.model = model
        self.tx = tx

    def update(self, *args, **kwargs):
        pass


ModelAndOptimizer = Optimizer


def split(node, *filters):
    return node, *[backward_pass(node) for _ in filters or (0,)]


def merge(graphdef, *states, **options):
    return graphdef


value_and_grad = _value_and_grad
grad = _grad
vmap = _vmap
pmap = _pmap
vjp = _vjp
