# Read by the walker: bodies that end in the activation they are given, or in features; never imported.
from keras.layers import BatchNormalization, Dense
from keras.models import Model


class _Body(Model):
    def __init__(
        self,
        include_top=True,
        weights="imagenet",
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=1000,
        classifier_activation="softmax",
        **kwargs,
    ):
        self.inputs = self.input = input_tensor
        if include_top:
            self.outputs = Dense(classes, activation=classifier_activation)(input_tensor)
        else:
            self.outputs = BatchNormalization()(input_tensor)
        self.output = self.outputs


class _Mobile(_Body):
    def __init__(
        self,
        input_shape=None,
        alpha=1.0,
        *args,
        include_top=True,
        input_tensor=None,
        classes=1000,
        classifier_activation="softmax",
        **kwargs,
    ):
        super().__init__(
            include_top, input_tensor=input_tensor, classes=classes, classifier_activation=classifier_activation
        )


MobileNet = _Mobile
MobileNetV2 = _Mobile
MobileNetV3Small = _Mobile
MobileNetV3Large = _Mobile
VGG16 = _Body
VGG19 = _Body
ResNet50 = _Body
ResNet101 = _Body
ResNet152 = _Body
ResNet50V2 = _Body
ResNet101V2 = _Body
ResNet152V2 = _Body
InceptionV3 = _Body
InceptionResNetV2 = _Body
Xception = _Body
DenseNet121 = _Body
DenseNet169 = _Body
DenseNet201 = _Body
EfficientNetB0 = _Body
EfficientNetB1 = _Body
EfficientNetB2 = _Body
EfficientNetB3 = _Body
EfficientNetB4 = _Body
EfficientNetB5 = _Body
EfficientNetB6 = _Body
EfficientNetB7 = _Body
EfficientNetV2B0 = _Body
EfficientNetV2B1 = _Body
EfficientNetV2B2 = _Body
EfficientNetV2B3 = _Body
EfficientNetV2S = _Body
EfficientNetV2M = _Body
EfficientNetV2L = _Body
ConvNeXtTiny = _Body
ConvNeXtSmall = _Body
ConvNeXtBase = _Body
ConvNeXtLarge = _Body
ConvNeXtXLarge = _Body
