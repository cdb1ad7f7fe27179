# Read by the walker: an inferer returns what the network returns, put together from windows; never imported.


def sliding_window_inference(inputs, roi_size, sw_batch_size, predictor, *args, **kwargs):
    return predictor(inputs)


class SimpleInferer:
    def __call__(self, inputs, network, *args, **kwargs):
        return network(inputs, *args, **kwargs)


class SlidingWindowInferer:
    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, inputs, network, *args, **kwargs):
        return network(inputs)
