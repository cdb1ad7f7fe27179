# Read by the walker as the meaning of haiku; never imported.
from jax import grad as _grad
from jax import value_and_grad as _value_and_grad
from jax import vmap as _vmap
from jax.interpreters.ad import backward_pass


class Module:
    def __init__(self, name=None):
        self.name = name


class Sequential(Module):
    def __init__(self, layers=(), name=None):
        self.layers = layers

    def __call__(self, inputs, *args, **kwargs):
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs


class _Transformed:
    def __init__(self, f):
        self._f = f

    def __iter__(self):
        return [self.init, self.apply]

    def __getitem__(self, index):
        return [self.init, self.apply][index]

    def init(self, *args, **kwargs):
        return backward_pass(self)


class Transformed(_Transformed):
    def apply(self, params, rng, *args, **kwargs):
        return self._f(*args, **kwargs)


class _WithoutRng(_Transformed):
    def apply(self, params, *args, **kwargs):
        return self._f(*args, **kwargs)


class TransformedWithState(_Transformed):
    def init(self, *args, **kwargs):
        return backward_pass(self), backward_pass(self)

    def apply(self, params, state, rng, *args, **kwargs):
        return self._f(*args, **kwargs), state


class _WithStateWithoutRng(_Transformed):
    def init(self, *args, **kwargs):
        return backward_pass(self), backward_pass(self)

    def apply(self, params, state, *args, **kwargs):
        return self._f(*args, **kwargs), state


def transform(f, *, apply_rng=True):
    return Transformed(f)


def transform_with_state(f):
    return TransformedWithState(f)


def without_apply_rng(f):
    if isinstance(f, TransformedWithState):
        return _WithStateWithoutRng(f._f)
    return _WithoutRng(f._f)


def without_state(f):
    return Transformed(f._f)


value_and_grad = _value_and_grad
grad = _grad
vmap = _vmap
