"""The book of rules: finds the files beside it, refuses a malformed one, and lets the rules judge.

A rule is one file here with `RULE = Rule(...)` and one page `pages/rules/<name>.md`. Nothing else knows it.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
import re
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rawlogits.errors import InputError, TableError
from rawlogits.finding import Applicability, Arrival, Confidence, Finding, Fix, Rule

HELPERS = ("book", "wording")
"""Modules beside the rules that hold none."""
FOLDER = Path(__file__).parent
PAGES = FOLDER.parent / "pages" / "rules"
_NAME = re.compile(r"[a-z]+(-[a-z]+)*")
_CODE = re.compile(r"RL[0-9]{3}")


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the codes. A malformed file raises TableError.

    >>> rules()[0].name
    'double-softmax'
    """
    return discover("rawlogits.rules", FOLDER, PAGES)


def rule(name_or_code: str) -> Rule:
    """The one rule of this name or code; InputError where there is none.

    >>> rule("RL101").name
    'double-softmax'
    """
    for each in rules():
        if name_or_code in (each.name, each.code):
            return each
    raise InputError(f"no rule {name_or_code!r}; {_nearest(name_or_code)}")


def page(name_or_code: str) -> str:
    """The page of a rule, as Markdown.

    >>> page("RL101").splitlines()[0]
    '# double-softmax [RL101]'
    """
    return (PAGES / f"{rule(name_or_code).name}.md").read_text(encoding="utf-8")


def select(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules that these selectors leave: names, codes, beginnings of codes ("RL1"), "ALL".

    Without `select` the rules that are on by default; `ignore` has the last word. A numeric rule that is selected
    by its own name or code runs in test files too. A selector that fits no rule raises InputError.

    >>> [each.name for each in globals()["select"](["RL5"], ["RL501"])]
    ['redundant-log-softmax']
    """
    wanted = _matching(select) if select else {each.code for each in rules() if each.default}
    unwanted = _matching(ignore)
    return tuple(
        replace(each, numeric=False) if each.name in select or each.code in select else each
        for each in rules()
        if each.code in wanted - unwanted
    )


def judge(arrival: Arrival, rules: Iterable[Rule]) -> list[Finding]:
    """What these rules make of one arrival; numeric rules pass over test files."""
    return [
        finding
        for rule in rules
        if not (rule.numeric and arrival.test_file) and (finding := _finding(rule, arrival)) is not None
    ]


def _finding(rule: Rule, arrival: Arrival) -> Finding | None:
    verdict = rule.judge(arrival)
    if verdict is None:
        return None
    return Finding(
        rule=rule.name,
        code=rule.code,
        severity=verdict.severity or rule.severity,
        confidence=verdict.confidence or (Confidence.CERTAIN if arrival.certain else Confidence.LIKELY),
        message=verdict.message,
        wants=verdict.wants,
        got=verdict.got,
        place=arrival.place,
        trace=arrival.trace,
        fix=Fix(Applicability.SHOWN, verdict.write) if verdict.write else None,
        arrival=arrival,
        repair=rule.repair,
    )


def _matching(selectors: Sequence[str]) -> set[str]:
    """The codes of the rules that the selectors name."""
    codes = {selector: {each.code for each in rules() if _fits(selector, each)} for selector in selectors}
    for selector, found in codes.items():
        if not found:
            raise InputError(
                f"no rule fits {selector!r}; allowed are names, codes, beginnings of codes (RL1) and ALL; "
                f"{_nearest(selector)}"
            )
    return set().union(*codes.values())


def _fits(selector: str, rule: Rule) -> bool:
    begins = selector.startswith("RL") and rule.code.startswith(selector)
    return selector in ("ALL", rule.name) or begins


def _nearest(word: str) -> str:
    """The rule that was probably meant, else all of them."""
    allowed = {spelling: each for each in rules() for spelling in (each.name, each.code)}
    near = difflib.get_close_matches(word, allowed, 1, 0.6) or difflib.get_close_matches(word.upper(), allowed, 1, 0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"the rules are {', '.join(each.name for each in rules())}"


def discover(package: str, folder: Path, pages: Path) -> tuple[Rule, ...]:
    """The rules of the modules in `folder`, imported as parts of `package`; each must have its page in `pages`."""
    found = [
        _load(package, folder / f"{module.name}.py", pages)
        for module in pkgutil.iter_modules([str(folder)])
        if module.name not in HELPERS
    ]
    for code, times in Counter(each.code for each in found).items():
        if times > 1:
            names = ", ".join(sorted(each.name for each in found if each.code == code))
            raise TableError(f"{folder}: the code {code} belongs to one rule, not to {names}")
    return tuple(sorted(found, key=lambda each: each.code))


def _load(package: str, file: Path, pages: Path) -> Rule:
    try:
        module = importlib.import_module(f"{package}.{file.stem}")
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [1])[-1]
        raise TableError(f"{file}:{line}: {type(error).__name__}: {error}") from error
    found = getattr(module, "RULE", None)
    problem = _problem(found, file.stem, pages)
    if problem or not isinstance(found, Rule):
        raise TableError(f"{file}:{_line_of_rule(file)}: {problem}")
    return found


def _problem(found: object, stem: str, pages: Path) -> str:
    """What is wrong with a rule, "" when nothing is."""
    if not isinstance(found, Rule):
        return f"wants RULE = Rule(...), got {'no RULE' if found is None else type(found).__name__}"
    if not _NAME.fullmatch(found.name):
        return f"name {found.name!r} is not in kebab-case"
    if found.name.replace("-", "_") != stem:
        return f"name {found.name!r} wants the file {found.name.replace('-', '_')}.py"
    if not _CODE.fullmatch(found.code):
        return f"code {found.code!r} is not RL and three digits"
    if not found.says or found.says.endswith(".") or "\n" in found.says:
        return f"says {found.says!r} is not one line without a period at its end"
    if not (pages / f"{found.name}.md").is_file():
        return f"has no page pages/rules/{found.name}.md"
    return ""


def _line_of_rule(file: Path) -> int:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(r"RULE\b", line):
            return number
    return 1
