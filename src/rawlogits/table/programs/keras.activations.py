# Read by the walker: what an activation given by name or as a function is; never imported.
from keras.activations import linear, relu
from keras.layers import Softmax, _LogSigmoid, _LogSoftmax, _Sigmoid


class _Named:
    def of_None():
        return linear

    def of_softmax():
        return Softmax()

    def of_sigmoid():
        return _Sigmoid()

    def of_log_softmax():
        return _LogSoftmax()

    def of_log_sigmoid():
        return _LogSigmoid()

    def of_linear():
        return linear


def _ends():
    return relu


def get(identifier=None):
    if callable(identifier):
        return identifier
    return getattr(_Named, f"of_{identifier}", _ends)()


deserialize = get
