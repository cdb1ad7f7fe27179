# Read by the walker; never imported.


class Accelerator:
    def prepare(self, *args, device_placement=None):
        if len(args) == 1:
            return args[0]
        return args

    def prepare_model(self, model, *args, **kwargs):
        return model

    def unwrap_model(self, model, *args, **kwargs):
        return model

    def gather(self, tensor):
        return tensor

    def gather_for_metrics(self, input_data, use_gather_object=False):
        return input_data

    def pad_across_processes(self, tensor, dim=0, pad_index=0, pad_first=False):
        return tensor
