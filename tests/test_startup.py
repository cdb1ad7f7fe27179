"""What is loaded when: a lint hook runs often, so nothing is imported before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "keras", "tensorflow", "jax", "numpy", "scipy", "rich", "click", "pathspec", "ast", "tomllib")


def loaded_by(code: str) -> set[str]:
    """The modules among `HEAVY` that are loaded after `code` has run in a fresh interpreter."""
    # site hooks of installed packages may load some of them before us: those are not ours
    probe = (
        f"import sys; before = set(sys.modules)\n{code}\n"
        f"print('loaded:', *[m for m in {HEAVY!r} if m in sys.modules and m not in before])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.rsplit("loaded:", 1)[1].split())


def test_import_loads_nothing() -> None:
    assert loaded_by("import rawlogits") == set()


def test_version_attribute_loads_nothing() -> None:
    assert loaded_by("import rawlogits; rawlogits.__version__; dir(rawlogits)") == set()


def test_public_names_are_loaded_when_used() -> None:
    assert "ast" in loaded_by("import rawlogits; rawlogits.check; rawlogits.Report")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check", "--help"]])
def test_command_line_starts_light(arguments: list[str]) -> None:
    loaded = loaded_by(f"from rawlogits.__main__ import main; assert main({arguments!r}) == 0")
    assert loaded <= {"click", "ast"}, "only click (and the ast that inspect pulls in)"


def test_no_framework_and_no_rich_in_a_whole_run() -> None:
    code = "from rawlogits.__main__ import main; assert main(['check', '--no-config', 'tests/report_sample.py']) == 0"
    assert not loaded_by(code) & {"torch", "keras", "tensorflow", "jax", "numpy", "scipy", "rich"}


def test_unknown_attribute_names_those_there_are() -> None:
    import rawlogits

    with pytest.raises(AttributeError, match=r"no attribute 'chek'; it has .*check"):
        rawlogits.chek  # noqa: B018
