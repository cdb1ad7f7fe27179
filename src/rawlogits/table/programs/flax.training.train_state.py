# Read by the walker; never imported.


class TrainState:
    @classmethod
    def create(cls, *, apply_fn=None, params=None, tx=None, **kwargs):
        return cls(apply_fn=apply_fn, params=params, tx=tx, **kwargs)

    def __init__(self, apply_fn=None, params=None, tx=None, step=0, opt_state=None, **kwargs):
        self.apply_fn = apply_fn
        self.params = params
        self.tx = tx
        self.step = step
        self.opt_state = opt_state
        for name, value in kwargs.items():
            setattr(self, name, value)

    def apply_gradients(self, *, grads, **kwargs):
        return self

    def replace(self, **kwargs):
        return self
