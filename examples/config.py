"""Settings of the example: which model is trained, on what, and how."""

MODEL = "net"
LOSS = "cross_entropy"
CLASSES = 10
FEATURES = 2
HIDDEN = 64
EPOCHS = 20
BATCH = 128
LEARNING_RATE = 1e-2
SEED = 0
