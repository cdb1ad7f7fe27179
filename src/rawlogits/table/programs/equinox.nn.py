# Read by the walker as the meaning of equinox.nn's containers; never imported.
from equinox import Module
from equinox.nn import Linear
from jax.interpreters.ad import backward_pass


class Lambda(Module):
    def __init__(self, fn=None):
        self.fn = fn

    def __call__(self, x, *, key=None):
        return self.fn(x)


class Sequential(Module):
    def __init__(self, layers=()):
        self.layers = list(layers)

    def __call__(self, x, state=None, *, key=None):
        for layer in self.layers:
            x = layer(x)
        if state is None:
            return x
        return x, state

    def __getitem__(self, index):
        if isinstance(index, tuple):
            return Sequential(self.layers[index[0] : index[1] : index[2]])
        return self.layers[index]

    def __iter__(self):
        return self.layers

    def __len__(self):
        return len(self.layers)


class MLP(Module):
    def __init__(
        self, in_size, out_size, width_size, depth, activation=None, final_activation=None, use_bias=True, **options
    ):
        self.last = Linear(width_size, out_size)
        self.final_activation = final_activation

    def __call__(self, x, *, key=None):
        x = self.last(x)
        if self.final_activation is None:
            return x
        return self.final_activation(x)


def make_with_state(make_model):
    def make(*args, **kwargs):
        return make_model(*args, **kwargs), backward_pass(make_model)

    return make
