# Read by the walker; never imported.
from torch.nn import DataParallel

FullyShardedDataParallel = DataParallel
