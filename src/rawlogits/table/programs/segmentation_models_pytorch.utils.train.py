# Read by the walker: an epoch of smp 0.3 calls the model and the loss; never imported.
from segmentation_models_pytorch.base import features


class TrainEpoch:
    def __init__(self, model, loss, metrics=None, optimizer=None, device="cpu", verbose=True):
        model.train()
        loss(model(features()), features())


class ValidEpoch:
    def __init__(self, model, loss, metrics=None, device="cpu", verbose=True):
        model.eval()
        loss(model(features()), features())
