# Read by the walker: the iteration of the supervised trainer; never imported. `iteration_update` replaces it.
from monai.engines.utils import batch


class SupervisedTrainer:
    def __init__(
        self,
        device,
        max_epochs,
        train_data_loader,
        network,
        optimizer,
        loss_function,
        epoch_length=None,
        non_blocking=False,
        prepare_batch=None,
        iteration_update=None,
        inferer=None,
        **kwargs,
    ):
        if iteration_update is None:
            network.train()
            scores = network(batch()) if inferer is None else inferer(batch(), network)
            loss_function(scores, batch())

    def run(self):
        pass
