"""How long it takes to start: medians of wall and CPU time over fresh interpreters.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from static_speed import measure

ROUNDS = 15
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import rawlogits": [sys.executable, "-c", "import rawlogits"],
    "rawlogits --version": [str(Path(sys.executable).parent / "rawlogits"), "--version"],
    "rawlogits check (one file)": [sys.executable, "-m", "rawlogits", "check", "--no-config", __file__],
}


def main() -> None:
    runs = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            runs[name].append(measure(command))
    print(f"median of {ROUNDS} rounds, Python {sys.version.split()[0]}")
    for name, measured in runs.items():
        wall, cpu = (statistics.median(getattr(run, key) for run in measured) for key in ("wall_s", "cpu_s"))
        print(f"{name:28}  {wall:.3f} s wall  {cpu:.3f} s CPU")


if __name__ == "__main__":
    main()
