# Read by the walker; never imported. A model whose parameters are replaced is the same model.
from equinox import Module
from jax.interpreters.ad import backward_pass


def tree_map(fun, tree, *rest, is_leaf=None):
    if isinstance(tree, Module):
        return tree
    return backward_pass(fun)
