# Read by the walker as the meaning of flax.linen's Module; never imported.
from jax.interpreters.ad import backward_pass


class Module:
    def __post_init__(self):
        self.setup()

    def setup(self):
        pass

    def apply(self, variables, *args, rngs=None, method=None, mutable=False, capture_intermediates=False, **kwargs):
        if method is None:
            out = self(*args, **kwargs)
        elif callable(method):
            out = method(self, *args, **kwargs)
        else:
            out = getattr(self, method)(*args, **kwargs)
        if mutable or capture_intermediates:
            return out, backward_pass(variables)
        return out

    def init_with_output(self, rngs, *args, method=None, mutable=None, capture_intermediates=False, **kwargs):
        return self.apply(rngs, *args, method=method, **kwargs), backward_pass(rngs)

    def init(self, rngs, *args, **kwargs):
        return backward_pass(rngs)

    def bind(self, variables, *args, **kwargs):
        return self

    def unbind(self):
        return self, backward_pass(self)

    def clone(self, **updates):
        return self


class Sequential(Module):
    def __init__(self, layers=(), **options):
        self.layers = layers

    def __call__(self, x, *args, **kwargs):
        for layer in self.layers:
            x = layer(x)
        return x


def value_and_grad(fn, mdl, *primals, has_aux=False, **options):
    return fn(mdl, *primals), backward_pass(fn)
