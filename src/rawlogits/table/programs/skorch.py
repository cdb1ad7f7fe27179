# Read by the walker; never imported. Module and criterion are given as classes or as objects.
# For NLLLoss skorch takes the logarithm of the module's output itself, so the module has to give probabilities.
from skorch import get_loss
from skorch.dataset import batch
from torch.nn import Module, NLLLoss


def _options(kwargs, prefix):
    found = {}
    for name, value in kwargs.items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = value
    return found


class NeuralNet:
    def __init__(self, module, criterion, *args, **kwargs):
        self._begin(module, criterion, kwargs)

    def _begin(self, module, criterion, kwargs):
        self.module_ = module if isinstance(module, Module) else module(**_options(kwargs, "module__"))
        if isinstance(criterion, type):
            criterion = criterion(**_options(kwargs, "criterion__"))
        self.criterion_ = criterion
        self.get_loss(self.infer(batch()), batch())

    def infer(self, x, **kwargs):
        return self.module_(x)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return self.criterion_(y_pred, y_true)

    def fit(self, X, y=None, **kwargs):
        return self

    partial_fit = fit


class NeuralNetClassifier(NeuralNet):
    def __init__(self, module, *args, criterion=NLLLoss, **kwargs):
        self._begin(module, criterion, kwargs)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        if isinstance(self.criterion_, NLLLoss):
            return get_loss.NeuralNetClassifier()(y_pred, y_true)
        return self.criterion_(y_pred, y_true)


class NeuralNetBinaryClassifier(NeuralNet):
    def __init__(self, module, *args, criterion=get_loss.NeuralNetBinaryClassifier, **kwargs):
        self._begin(module, criterion, kwargs)
