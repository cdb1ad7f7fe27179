# Read by the walker: a segmentation head is a convolution and the activation that the model is given; never imported.
# A name that is not known stands for no branch here: it is looked up, and nothing is found.
from segmentation_models_pytorch.base import SegmentationModel, features
from torch.nn import Conv2d, Identity, Linear, LogSoftmax, Module, Sigmoid, Softmax


class _Named:
    as_None = as_identity = Identity
    as_sigmoid = Sigmoid
    as_softmax = Softmax
    as_logsoftmax = LogSoftmax

    @staticmethod
    def as_softmax2d():
        return Softmax(dim=1)


def _activation(name):
    if callable(name):
        return name()
    return getattr(_Named, f"as_{name}", features)()


class _Model(Module, SegmentationModel):
    def __init__(self, *args, classes=1, activation=None, aux_params=None, **kwargs):
        self.segmentation_head = Conv2d(16, classes)
        self._activation = _activation(activation)
        self._aux = aux_params
        if aux_params is not None:
            self.classification_head = Linear(16, aux_params["classes"])
            self._aux_activation = _activation(aux_params.get("activation"))

    def forward(self, x):
        masks = self._activation(self.segmentation_head(features(x)))
        if self._aux is not None:
            return masks, self._aux_activation(self.classification_head(features(x)))
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
