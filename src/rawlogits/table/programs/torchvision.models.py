# Read by the walker: what torchvision's classifiers are as far as their last layer goes; never imported.
# Each returns raw logits; users replace `fc`, `classifier`, `head` or `heads`.
from torch.nn import Conv2d, Linear, Module, Sequential


class _EndsInFc(Module):
    def __init__(self, weights=None, progress=True, num_classes=1000, pretrained=False, **kwargs):
        self.fc = Linear(2048, num_classes)

    def forward(self, x):
        return self.fc(x.flatten(1))


class _EndsInClassifier(Module):
    def __init__(self, weights=None, progress=True, num_classes=1000, pretrained=False, **kwargs):
        self.classifier = Sequential(Linear(1280, num_classes))

    def forward(self, x):
        return self.classifier(x.flatten(1))


class _Dense(Module):
    def __init__(self, weights=None, progress=True, num_classes=1000, pretrained=False, **kwargs):
        self.classifier = Linear(1024, num_classes)

    def forward(self, x):
        return self.classifier(x.flatten(1))


class _EndsInHead(Module):
    def __init__(self, weights=None, progress=True, num_classes=1000, pretrained=False, **kwargs):
        self.head = Linear(768, num_classes)

    def forward(self, x):
        return self.head(x.flatten(1))


class _EndsInHeads(Module):
    def __init__(self, weights=None, progress=True, num_classes=1000, pretrained=False, **kwargs):
        self.heads = Sequential(Linear(768, num_classes))
        self.heads.head = Linear(768, num_classes)

    def forward(self, x):
        return self.heads(x.flatten(1))


class _Squeeze(Module):
    def __init__(self, weights=None, progress=True, num_classes=1000, pretrained=False, **kwargs):
        self.classifier = Sequential(Conv2d(512, num_classes))

    def forward(self, x):
        return self.classifier(x).flatten(1)


resnet18 = _EndsInFc
resnet34 = _EndsInFc
resnet50 = _EndsInFc
resnet101 = _EndsInFc
resnet152 = _EndsInFc
resnext50_32x4d = _EndsInFc
resnext101_32x8d = _EndsInFc
resnext101_64x4d = _EndsInFc
wide_resnet50_2 = _EndsInFc
wide_resnet101_2 = _EndsInFc
shufflenet_v2_x0_5 = _EndsInFc
shufflenet_v2_x1_0 = _EndsInFc
shufflenet_v2_x1_5 = _EndsInFc
shufflenet_v2_x2_0 = _EndsInFc
regnet_y_400mf = _EndsInFc
regnet_y_800mf = _EndsInFc
regnet_y_1_6gf = _EndsInFc
regnet_y_3_2gf = _EndsInFc
regnet_y_8gf = _EndsInFc
regnet_y_16gf = _EndsInFc
regnet_x_400mf = _EndsInFc
regnet_x_800mf = _EndsInFc
regnet_x_1_6gf = _EndsInFc
regnet_x_3_2gf = _EndsInFc
regnet_x_8gf = _EndsInFc
alexnet = _EndsInClassifier
vgg11 = _EndsInClassifier
vgg11_bn = _EndsInClassifier
vgg13 = _EndsInClassifier
vgg13_bn = _EndsInClassifier
vgg16 = _EndsInClassifier
vgg16_bn = _EndsInClassifier
vgg19 = _EndsInClassifier
vgg19_bn = _EndsInClassifier
mobilenet_v2 = _EndsInClassifier
mobilenet_v3_small = _EndsInClassifier
mobilenet_v3_large = _EndsInClassifier
efficientnet_b0 = _EndsInClassifier
efficientnet_b1 = _EndsInClassifier
efficientnet_b2 = _EndsInClassifier
efficientnet_b3 = _EndsInClassifier
efficientnet_b4 = _EndsInClassifier
efficientnet_b5 = _EndsInClassifier
efficientnet_b6 = _EndsInClassifier
efficientnet_b7 = _EndsInClassifier
efficientnet_v2_s = _EndsInClassifier
efficientnet_v2_m = _EndsInClassifier
efficientnet_v2_l = _EndsInClassifier
mnasnet0_5 = _EndsInClassifier
mnasnet0_75 = _EndsInClassifier
mnasnet1_0 = _EndsInClassifier
mnasnet1_3 = _EndsInClassifier
convnext_tiny = _EndsInClassifier
convnext_small = _EndsInClassifier
convnext_base = _EndsInClassifier
convnext_large = _EndsInClassifier
maxvit_t = _EndsInClassifier
densenet121 = _Dense
densenet161 = _Dense
densenet169 = _Dense
densenet201 = _Dense
swin_t = _EndsInHead
swin_s = _EndsInHead
swin_b = _EndsInHead
swin_v2_t = _EndsInHead
swin_v2_s = _EndsInHead
swin_v2_b = _EndsInHead
vit_b_16 = _EndsInHeads
vit_b_32 = _EndsInHeads
vit_l_16 = _EndsInHeads
vit_l_32 = _EndsInHeads
vit_h_14 = _EndsInHeads
squeezenet1_0 = _Squeeze
squeezenet1_1 = _Squeeze
