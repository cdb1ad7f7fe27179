"""Prints the most probable class of one point and its probability, with the model that `train.py` saved."""

import sys

import torch

import config
from models import build


def main() -> None:
    model = build(config.MODEL)
    model.load_state_dict(torch.load("net.pt"))
    model.eval()
    point = torch.tensor([[float(word) for word in sys.argv[1:3]]])
    with torch.no_grad():
        probabilities = model(point)[0]
    best = int(probabilities.argmax())
    print(f"class {best}, probability {probabilities[best]:.1%}")


if __name__ == "__main__":
    main()
