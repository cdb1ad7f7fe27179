# Read by the walker; never imported. A loop is read as one turn of it.
from jax.numpy import moveaxis


def cond(pred, true_fun, false_fun, *operands, **options):
    if pred:
        return true_fun(*operands)
    return false_fun(*operands)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1, **options):
    carry, out = f(init, moveaxis(xs))
    return carry, moveaxis(out)


def map(f, xs, **options):
    return moveaxis(f(moveaxis(xs)))
