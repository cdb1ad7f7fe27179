# Read by the walker as the meaning of equinox; never imported.
from jax import grad as _grad
from jax import pmap as _pmap
from jax import value_and_grad as _value_and_grad
from jax import vmap as _vmap


class Module:
    pass


filter_value_and_grad = _value_and_grad
filter_grad = _grad
filter_pmap = _pmap
filter_vmap = _vmap


def partition(pytree, filter_spec=None, **options):
    return pytree, pytree


def combine(*pytrees, **options):
    return pytrees[0]
