# Read by the walker: the functional layers of TensorFlow 1; never imported.
from keras.activations import get
from keras.src.layers import Dense as _RawDense


def dense(inputs, units=None, activation=None, *args, **kwargs):
    return get(activation)(_RawDense(units)(inputs))


def conv2d(inputs, filters=None, *args, activation=None, **kwargs):
    return get(activation)(_RawDense()(inputs))


conv1d = conv2d
conv3d = conv2d
conv2d_transpose = conv2d
separable_conv2d = conv2d
