"""Fuzzing: programs, notebooks, configurations and baselines that nobody would write, for as long as one likes.

    python -m tests.fuzz --minutes 60 --target all --seed 1

Every input may be refused with an error of ours; nothing else may be raised, none may take long, and the same input
gives the same answer. A failing input is made small and written to a folder. `tests/test_fuzz.py` runs a few of each.
"""
