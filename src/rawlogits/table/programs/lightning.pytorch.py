# Read by the walker: what a Trainer calls of a LightningModule; never imported.
from lightning.pytorch.core.hooks import ModelHooks, batch
from torch.nn import Module


class LightningModule(Module, ModelHooks):
    def freeze(self):
        return self

    unfreeze = freeze


class Trainer:
    def fit(self, model, *args, **kwargs):
        model.train()
        model.training_step_end(model.training_step(batch(), 0))
        self.validate(model)

    def validate(self, model, *args, **kwargs):
        model.eval()
        model.validation_step_end(model.validation_step(batch(), 0))

    def test(self, model, *args, **kwargs):
        model.eval()
        model.test_step(batch(), 0)

    def predict(self, model, *args, **kwargs):
        model.eval()
        return [model.predict_step(batch(), 0)]
