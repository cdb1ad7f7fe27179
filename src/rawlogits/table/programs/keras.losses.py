# Read by the walker: the base of losses, and what a loss given by name is; never imported.
from keras.layers import BatchNormalization
from keras.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    kl_divergence,
    sparse_categorical_crossentropy,
)


class Loss:
    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.call(y_true, y_pred)


def _reads_no_score(y_true=None, y_pred=None):
    return BatchNormalization()(y_pred)


class _Named:
    of_categorical_crossentropy = categorical_crossentropy
    of_sparse_categorical_crossentropy = sparse_categorical_crossentropy
    of_binary_crossentropy = binary_crossentropy
    of_bce = binary_crossentropy
    of_BCE = binary_crossentropy
    of_categorical_focal_crossentropy = categorical_focal_crossentropy
    of_binary_focal_crossentropy = binary_focal_crossentropy
    of_kl_divergence = kl_divergence
    of_kullback_leibler_divergence = kl_divergence
    of_kld = kl_divergence
    of_KLD = kl_divergence
    of_CategoricalCrossentropy = categorical_crossentropy
    of_SparseCategoricalCrossentropy = sparse_categorical_crossentropy
    of_BinaryCrossentropy = binary_crossentropy
    of_CategoricalFocalCrossentropy = categorical_focal_crossentropy
    of_BinaryFocalCrossentropy = binary_focal_crossentropy
    of_KLDivergence = kl_divergence


def get(identifier=None):
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    return getattr(_Named, f"of_{identifier}", _reads_no_score)


deserialize = get
