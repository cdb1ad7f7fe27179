"""docs/frameworks.md: every rule in every framework has a case that shows it, or a reason why not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from rawlogits.rules import book


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_frameworks", Path(__file__).parents[1] / "docs/make_frameworks.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("rule", book.rules(), ids=lambda rule: rule.name)
def test_every_cell_has_a_case_or_a_reason(maker: ModuleType, rule: book.Rule) -> None:
    shown = maker.shown()
    for column in maker.COLUMNS:
        has_case, has_reason = bool(shown.get((rule.name, column))), (rule.name, column) in maker.REASONS
        assert has_case or has_reason, f"{rule.name} in {column}: write a case in tests/cases, or a reason in REASONS"
        assert not (has_case and has_reason), f"{rule.name} in {column}: there is a case, so the reason has to go"


def test_the_page_is_what_the_script_writes(maker: ModuleType) -> None:
    assert maker.PAGE.read_text(encoding="utf-8") == maker.page(), "run python docs/make_frameworks.py"
