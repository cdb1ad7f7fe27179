# Read by the walker: a classifier of timm returns raw logits, unless its last layer is replaced; never imported.
# The last layer is called `fc`, `classifier`, `head`, `head.fc` or `last_linear`, as the architecture may have it.
from timm.models import ClassifierHead, features
from torch.nn import Linear, Module


class _Head(Module, ClassifierHead):
    def __init__(self, num_classes):
        self.fc = Linear(2048, num_classes)

    def forward(self, x):
        return self.fc(x)


class _Model(Module, ClassifierHead):
    def __init__(self, num_classes, whole):
        self._own = _Head(num_classes)
        self._whole = whole
        self.fc = self.classifier = self.head = self.last_linear = self._own

    def forward_features(self, x):
        return features(x)

    def reset_classifier(self, num_classes, *args, **kwargs):
        self._whole = num_classes != 0
        self.fc = self.classifier = self.head = self.last_linear = self._own

    def get_classifier(self):
        return self._own

    def forward(self, x):
        for layer in (self.fc, self.classifier, self.head, self.last_linear):
            if not isinstance(layer, _Head):
                return layer(features(x))
        if not self._whole:
            return features(x)
        return self._own(features(x))


def create_model(model_name, pretrained=False, *args, num_classes=1000, features_only=False, **kwargs):
    return _Model(num_classes, num_classes != 0 and not features_only)
