"""The static observer: reads source, never runs it."""

from rawlogits.static.memory import dump, recall
from rawlogits.static.mending import mended
from rawlogits.static.walk import Failure, ScanResult, Unresolved, scan

__all__ = ["Failure", "ScanResult", "Unresolved", "dump", "mended", "recall", "scan"]
