"""The static observer: reads source, never runs it."""

from rawlogits.static.walk import Failure, ScanResult, Unresolved, scan

__all__ = ["Failure", "ScanResult", "Unresolved", "scan"]
