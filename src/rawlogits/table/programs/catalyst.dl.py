# Read by the walker: what a runner calls; never imported. A callback may take the loss elsewhere, so none may be given.
from catalyst.core import IRunner, batch


class Runner(IRunner):
    def __init__(self, *args, **kwargs):
        pass

    def train(self, *, loaders=None, model=None, engine=None, criterion=None, callbacks=None, **kwargs):
        self.model = model
        self.criterion = criterion
        self.callbacks = callbacks
        model.train()
        self.handle_batch(batch())


class SupervisedRunner(Runner):
    def handle_batch(self, batch):
        scores = self.model(batch)
        if self.callbacks is None:
            self.criterion(scores, batch)
