# Read by the walker: models, and where the outputs of one meet the loss that `compile` names; never imported.
from keras.layers import BatchNormalization, Layer
from keras.losses import get


def _meet(loss, outputs, target=None):
    if loss is None:
        return None
    if isinstance(loss, (list, tuple)):
        if isinstance(outputs, (list, tuple)):
            for one, output in zip(loss, outputs):
                _meet(one, output, target)
        elif len(loss) == 1:
            _meet(loss[0], outputs, target)
        return None
    if isinstance(loss, dict):
        if isinstance(outputs, dict):
            for name, one in loss.items():
                _meet(one, outputs[name], target)
        elif len(loss) == 1 and not isinstance(outputs, (list, tuple)):
            for one in loss.values():
                _meet(one, outputs, target)
        return None
    criterion = get(loss)
    if isinstance(outputs, (list, tuple)):
        for output in outputs:
            criterion(target, output)
    elif not isinstance(outputs, dict):
        criterion(target, outputs)
    return None


class Model(Layer):
    loss = None

    def __init__(self, inputs=None, outputs=None, *args, output=None, **kwargs):
        self.inputs = self.input = inputs
        outputs = outputs if output is None else output
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            outputs = outputs[0]
        self.outputs = self.output = outputs

    def call(self, inputs=None, training=None, mask=None):
        return self.outputs

    def compile(self, optimizer=None, loss=None, metrics=None, *args, data, **kwargs):
        self.loss = loss
        self.train_step(data)

    def train_step(self, data):
        x, y = data
        self.compute_loss(x, y, self(x, training=True))

    def compiled_loss(self, y, y_pred, *args, **kwargs):
        _meet(self.loss, y_pred, y)

    def compute_loss(self, x=None, y=None, y_pred=None, *args, **kwargs):
        _meet(self.loss, y_pred, y)

    def predict(self, x=None, *args, **kwargs):
        return self(x, training=False)

    predict_on_batch = predict_generator = predict


class Sequential(Model):
    def __init__(self, layers=None, *args, **kwargs):
        self.layers = list(layers) if layers is not None else []

    def add(self, layer):
        self.layers.append(layer)

    def pop(self):
        self.layers.pop()

    def call(self, inputs=None, training=None, mask=None):
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    @property
    def output(self):
        return self.call(BatchNormalization()(None))

    outputs = output
