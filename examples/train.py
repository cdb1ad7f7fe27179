"""Trains the model that `config.py` names."""

import torch

import config
from data import loader
from engine import accuracy, train_one_epoch
from losses import build_loss
from models import build


def main() -> None:
    torch.manual_seed(config.SEED)
    model = build(config.MODEL)
    criterion = build_loss(config.LOSS)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.LEARNING_RATE)
    train_batches, test_batches = loader(4000, shuffle=True), loader(1000, shuffle=False)
    for epoch in range(config.EPOCHS):
        mean = train_one_epoch(model, criterion, train_batches, optimizer)
        print(f"epoch {epoch + 1:2d}  loss {mean:.3f}  accuracy {accuracy(model, test_batches):.1%}")
    torch.save(model.state_dict(), "net.pt")


if __name__ == "__main__":
    main()
