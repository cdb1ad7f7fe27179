# Read by the walker; never imported.


def cond(pred, true_fun, false_fun, *operands, **options):
    if pred:
        return true_fun(*operands)
    return false_fun(*operands)
