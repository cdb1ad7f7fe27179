# Read by the walker; never imported.
from haiku import Linear, Module


class MLP(Module):
    def __init__(
        self, output_sizes, w_init=None, b_init=None, with_bias=True, activation=None, activate_final=False, name=None
    ):
        self.last = Linear(output_sizes[-1])
        self.activation = activation
        self.activate_final = activate_final

    def __call__(self, inputs, dropout_rate=None, rng=None):
        out = self.last(inputs)
        if self.activate_final:
            return self.activation(out)
        return out


class _Ends(Module):
    def __init__(self, num_classes, *args, **kwargs):
        self.last = Linear(num_classes)

    def __call__(self, inputs, *args, **kwargs):
        return self.last(inputs)


ResNet18 = _Ends
ResNet34 = _Ends
ResNet50 = _Ends
ResNet101 = _Ends
ResNet152 = _Ends
ResNet200 = _Ends
MobileNetV1 = _Ends
