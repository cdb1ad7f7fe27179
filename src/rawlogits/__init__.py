"""Keep raw logits raw from a model's last layer to its loss."""

__version__ = "0.1.0"
