# Read by the walker; never imported.
from torch.nn import DataParallel

DistributedDataParallel = DataParallel
