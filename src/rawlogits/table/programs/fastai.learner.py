# Read by the walker: what a Learner calls, and the networks that fastai builds; never imported.
from fastai.data.core import batch
from torch.nn import Linear, Module


class Learner:
    def __init__(self, dls, model, loss_func=None, *args, **kwargs):
        self.model = model
        self.loss_func = loss_func
        if loss_func is not None:
            loss_func(model(batch()), batch())


class _Body(Module):
    def __init__(self, n_out, custom_head, y_range):
        self._head = Linear(512, n_out) if custom_head is None else custom_head
        self._range = y_range

    def forward(self, x):
        if self._range is not None:
            return batch()
        return self._head(batch())


def vision_learner(
    dls,
    arch,
    normalize=True,
    n_out=None,
    pretrained=True,
    weights=None,
    loss_func=None,
    *args,
    custom_head=None,
    y_range=None,
    **kwargs,
):
    return Learner(dls, _Body(n_out, custom_head, y_range), loss_func=loss_func)


def unet_learner(dls, arch, *args, n_out=None, loss_func=None, y_range=None, **kwargs):
    return Learner(dls, _Body(n_out, None, y_range), loss_func=loss_func)


cnn_learner = vision_learner
