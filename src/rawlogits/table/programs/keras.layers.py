# Read by the walker: layers that apply the activation they are given, and wrappers round layers; never imported.
from keras.activations import get
from keras.src.layers import Conv2D as _RawConv
from keras.src.layers import Dense as _RawDense


class Layer:
    trainable = True
    name = dtype = "layer"

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return self.call(*args, **kwargs)

    def build(self, *args, **kwargs):
        pass


InputSpec = Layer
Wrapper = Layer


class Input(Layer):
    def call(self, inputs=None):
        return inputs


class Dense(Layer):
    def __init__(self, units=None, activation=None, **kwargs):
        self._raw = _RawDense(units)
        self.activation = get(activation)

    def call(self, inputs, training=None):
        return self.activation(self._raw(inputs))


class Conv2D(Layer):
    def __init__(self, filters=None, *sizes, activation=None, **kwargs):
        self._raw = _RawConv(filters)
        self.activation = get(activation)

    def call(self, inputs, training=None):
        return self.activation(self._raw(inputs))


Conv1D = Conv2D
Conv3D = Conv2D
Conv1DTranspose = Conv2D
Conv2DTranspose = Conv2D
Conv3DTranspose = Conv2D
SeparableConv1D = Conv2D
SeparableConv2D = Conv2D
DepthwiseConv1D = Conv2D
DepthwiseConv2D = Conv2D
LocallyConnected1D = Conv2D
LocallyConnected2D = Conv2D
AtrousConvolution2D = Conv2D
Deconvolution2D = Conv2D
EinsumDense = Conv2D


class Activation(Layer):
    def __init__(self, activation=None, **kwargs):
        self.activation = get(activation)

    def call(self, inputs, training=None):
        return self.activation(inputs)


class Lambda(Layer):
    def __init__(self, function=None, output_shape=None, mask=None, arguments=None, **kwargs):
        self.function = function

    def call(self, inputs, training=None):
        return self.function(inputs)


class TimeDistributed(Layer):
    def __init__(self, layer=None, **kwargs):
        self.layer = layer

    def call(self, inputs, training=None):
        return self.layer(inputs)
