"""Entry points in several processes at once, where there are enough of them.

Each process is a fork that runs its part as if the others did not exist. What comes back are the records that the
cache keeps as well, and they are taken on the same terms: one for which it mattered who had reached a function before
is as good as new only if that comes out the same in the order of a single process. So the findings are, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from rawlogits.static.memory import Entry
from rawlogits.static.record import Record

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORTH = 64
"""Entry points for each process; with fewer, starting it costs more than it saves."""


class Share(NamedTuple):
    """What a process met, and what it was told to say."""

    records: dict[Entry, Record]
    told: Any


Run = Callable[[Entry], Record]
Tell = Callable[[], Any]


def available() -> int:
    """How many processes this one may keep busy; 1 where it cannot be forked.

    >>> available() >= 1
    True
    """
    if not hasattr(os, "fork"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parts(entries: Sequence[Entry], jobs: int) -> list[list[Entry]]:
    """The entry points in at most so many parts of about one size, each of whole files that lie next to each other.

    >>> parts([Entry("a.py", 1), Entry("b.py", 1), Entry("a.py", 2), Entry("c.py", 1)], 2)[0][1].number
    2
    """
    place = {entry: number for number, entry in enumerate(entries)}
    found: dict[int, list[Entry]] = {}
    done = 0
    for _, file in groupby(sorted(entries), key=lambda entry: entry.shown):
        part = found.setdefault(done * jobs // len(entries), [])
        part += file
        done = sum(map(len, found.values()))
    return [sorted(part, key=place.__getitem__) for part in found.values()]


def spread(entries: Sequence[Entry], jobs: int, run: Run, tell: Tell) -> Iterator[Entry | Share]:
    """Run the entry points: each once it is done, and in the end what a process met, with what `tell` says there.

    Of a process that dies nothing is left.
    """
    import multiprocessing

    context = multiprocessing.get_context("fork")
    shares = parts(entries, jobs)
    ways = [context.Pipe(duplex=False) for _ in shares]
    children = [
        context.Process(target=_work, args=(share, run, tell, sender, [way for way, _ in ways]), daemon=True)
        for share, (_, sender) in zip(shares, ways, strict=True)
    ]
    try:
        for child, (_, sender) in zip(children, ways, strict=True):
            child.start()
            sender.close()
        yield from _received([way for way, _ in ways])
    finally:
        for child in children:
            if child.pid is not None:
                child.terminate()
                child.join()


def _received(ways: list[Connection]) -> Iterator[Any]:
    from multiprocessing.connection import wait

    while ways:
        ready = wait(ways)
        for way in [way for way in ways if way in ready]:
            try:
                yield way.recv()
            except (EOFError, OSError):
                ways.remove(way)


def _work(share: Sequence[Entry], run: Run, tell: Tell, sender: Connection, others: Sequence[Connection]) -> None:
    for way in others:
        way.close()
    records: dict[Entry, Record] = {}
    with suppress(KeyboardInterrupt, BrokenPipeError):
        for entry in share:
            records[entry] = run(entry)
            sender.send(entry)
        sender.send(Share(records, tell()))
        sender.close()
