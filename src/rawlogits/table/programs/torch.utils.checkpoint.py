# Read by the walker; never imported.


def checkpoint(function, *args, use_reentrant=None, **kwargs):
    return function(*args)


def checkpoint_sequential(functions, segments, input, **kwargs):
    for function in functions:
        input = function(input)
    return input
