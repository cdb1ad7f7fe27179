# Read by the walker; never imported. A loop is read as one turn of it.
from jax.numpy import moveaxis


def cond(pred, true_fun, false_fun, *operands, **options):
    if pred:
        return true_fun(*operands)
    return false_fun(*operands)


def switch(index, branches, *operands, **options):
    return branches[index](*operands)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1, **options):
    carry, out = f(init, moveaxis(xs))
    return carry, moveaxis(out)


def map(f, xs, **options):
    return moveaxis(f(moveaxis(xs)))


def fori_loop(lower, upper, body_fun, init_val, **options):
    return body_fun(lower, init_val)


def while_loop(cond_fun, body_fun, init_val):
    if cond_fun(init_val):
        return body_fun(init_val)
    return init_val
