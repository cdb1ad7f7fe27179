# Read by the walker; never imported. A gradient is no score: what `backward_pass` returns is not known.
from jax.interpreters.ad import backward_pass
from jax.numpy import moveaxis


def value_and_grad(fun, argnums=0, has_aux=False, **options):
    def differentiated(*args, **kwargs):
        return fun(*args, **kwargs), backward_pass(fun)

    return differentiated


def grad(fun, argnums=0, has_aux=False, **options):
    def differentiated(*args, **kwargs):
        if has_aux:
            return backward_pass(fun), fun(*args, **kwargs)[1]
        fun(*args, **kwargs)
        return backward_pass(fun)

    return differentiated


def vmap(fun, in_axes=0, out_axes=0, **options):
    def mapped(*args, **kwargs):
        return moveaxis(fun(*[moveaxis(arg) for arg in args], **kwargs))

    return mapped


def pmap(fun, axis_name=None, **options):
    return vmap(fun)


def vjp(fun, *primals, has_aux=False, **options):
    if has_aux:
        out, aux = fun(*primals)
        return out, backward_pass(fun), aux
    return fun(*primals), backward_pass(fun)
