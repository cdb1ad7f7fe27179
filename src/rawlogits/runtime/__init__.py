"""Observers of a running training step. They emit the arrivals that the static walker emits, and judge nothing."""
