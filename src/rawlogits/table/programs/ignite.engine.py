# Read by the walker: the step that these factories write; never imported.
from ignite.utils import batch


def supervised_training_step(
    model,
    optimizer,
    loss_fn,
    device=None,
    non_blocking=False,
    prepare_batch=None,
    model_transform=lambda output: output,
    *args,
    model_fn=lambda model, x: model(x),
    **kwargs,
):
    model.train()
    loss_fn(model_transform(model_fn(model, batch())), batch())


create_supervised_trainer = supervised_training_step
supervised_training_step_amp = supervised_training_step
supervised_training_step_apex = supervised_training_step
supervised_training_step_tpu = supervised_training_step
