"""`python -m rawlogits`, and the script `rawlogits`."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 clean, 1 findings, 2 could not run, 130 interrupted.

    A crash of the checker itself is 2, never 1: a script that reads the status must not take it for a finding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be valid text
    from rawlogits.cli import cli

    try:
        status = cli.main(arguments, prog_name="rawlogits", standalone_mode=False)
    except click.Abort:
        click.echo("rawlogits: interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception:
        traceback.print_exc()
        click.echo("rawlogits: this is a bug in rawlogits, not in your code. Please report the lines above.", err=True)
        return 2
    return status if isinstance(status, int) else 0


def run() -> NoReturn:
    """`main`, and leave at once: Python would take millions of objects apart first, for seconds."""
    status = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads on
            status = status or 2
    os._exit(status)


if __name__ == "__main__":
    run()
