# Read by the walker: losses of smp 0.3 are added up and multiplied before they are called; never imported.
from torch.nn import Module


class Loss(Module):
    def __add__(self, other):
        return SumOfLosses(self, other)

    def __radd__(self, other):
        return SumOfLosses(other, self)

    def __mul__(self, value):
        return MultipliedLoss(self, value)

    def __rmul__(self, other):
        return MultipliedLoss(self, other)


class SumOfLosses(Loss):
    def __init__(self, l1, l2):
        self.l1 = l1
        self.l2 = l2

    def forward(self, *inputs):
        return self.l1(*inputs) + self.l2(*inputs)


class MultipliedLoss(Loss):
    def __init__(self, loss, multiplier):
        self.loss = loss

    def forward(self, *inputs):
        return self.loss(*inputs)
