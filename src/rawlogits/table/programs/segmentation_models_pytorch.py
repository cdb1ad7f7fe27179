# Read by the walker: a segmentation head is a convolution and the activation that the model is given; never imported.
from segmentation_models_pytorch.base import SegmentationModel, features
from torch.nn import Conv2d, LogSoftmax, Module, Sigmoid, Softmax


def _activation(name):
    if name is None or name == "identity":
        return lambda x: x
    if name == "sigmoid":
        return Sigmoid()
    if name == "softmax2d":
        return Softmax(dim=1)
    if name == "softmax":
        return Softmax()
    if name == "logsoftmax":
        return LogSoftmax()
    if isinstance(name, str):
        return features
    return name()


class _Model(Module, SegmentationModel):
    def __init__(self, *args, classes=1, activation=None, aux_params=None, **kwargs):
        self.segmentation_head = Conv2d(16, classes)
        self._activation = _activation(activation)
        self._aux = aux_params

    def forward(self, x):
        masks = self._activation(self.segmentation_head(features(x)))
        if self._aux is not None:
            return masks, features(x)
        return masks

    def predict(self, x):
        return self(x)


def create_model(arch, *args, **kwargs):
    return _Model(*args, **kwargs)


Unet = _Model
UnetPlusPlus = _Model
MAnet = _Model
Linknet = _Model
FPN = _Model
PSPNet = _Model
DeepLabV3 = _Model
DeepLabV3Plus = _Model
PAN = _Model
UPerNet = _Model
Segformer = _Model
DPT = _Model
