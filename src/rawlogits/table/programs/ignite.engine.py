# Read by the walker: the step that these factories write; never imported.
from ignite.utils import batch


def create_supervised_trainer(
    model,
    optimizer,
    loss_fn,
    device=None,
    non_blocking=False,
    prepare_batch=None,
    model_transform=lambda output: output,
    output_transform=None,
    deterministic=False,
    amp_mode=None,
    scaler=False,
    gradient_accumulation_steps=1,
    model_fn=lambda model, x: model(x),
):
    model.train()
    loss_fn(model_transform(model_fn(model, batch())), batch())
