"""The static observer: reads source, never runs it."""

from rawlogits.static.memory import dump, recall
from rawlogits.static.mending import broken_blocks, mended
from rawlogits.static.processes import available
from rawlogits.static.source import shown_path
from rawlogits.static.walk import ScanResult, scan

__all__ = [
    "ScanResult",
    "available",
    "broken_blocks",
    "dump",
    "mended",
    "recall",
    "scan",
    "shown_path",
]
