"""One page to read in a browser, complete in itself; described in `pages/formats/html.md`."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from rawlogits.finding import Confidence, Finding, Place, Severity
from rawlogits.report import Report, Summary, View
from rawlogits.report.sarif import RulePage, Sources, rule_pages
from rawlogits.report.text import count

_PLURAL = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.ADVICE: "advice"}
_AROUND = 2
"""Lines of source shown before and after a place."""
_TALLEST = 8
"""Lines of one place that are shown."""
_LONGEST = 400
"""Characters of a line that are shown, so that a minified line does not fill the page."""
_STRANGE = {n: chr(0x2400 + n) for n in range(32) if n not in (9, 10)}
_STRANGE |= {n: f"\\u{n:04x}" for n in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)}
"""What a browser would not show, or would reorder the text by, as visible characters."""


def render(report: Report, view: View, *, root: Path | None = None) -> str:
    """The report as one page that asks for nothing from outside; colour is ignored.

    `root` is where the excerpts of source are read, the working directory by default. Files that are not there
    are left out.
    """
    body = [_header(report, view), *_bar(report.findings), *_findings(report, Sources(root))]
    body += [*_rules(report.findings), *_not_read(report), *_listed(report, view)]
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    title = ", ".join(words for _, words in _counts(report.findings)) or "no findings"
    body_text = "\n".join(part for part in body if part)
    return _PAGE.format(policy=policy, title=title, icon=_ICON, style=_STYLE, body=body_text, script=_SCRIPT)


def _safe(text: str) -> str:
    """Text of the user's as HTML.

    >>> _safe("</script>")
    '&lt;/script&gt;'
    """
    return escape(text.translate(_STRANGE))


def _counts(findings: tuple[Finding, ...]) -> list[tuple[Severity, str]]:
    counts = Counter(finding.severity for finding in findings)
    return [(each, count(counts[each], each, plural)) for each, plural in _PLURAL.items() if counts[each]]


def _header(report: Report, view: View) -> str:
    words = [f'<span class="{severity}">{words}</span>' for severity, words in _counts(report.findings)]
    left_out = (
        (report.summary.findings_known, "known, left out"),
        (report.summary.findings_unchanged, "in files that have not changed, left out"),
    )
    more = "".join(f'<p class="quiet">{number:,} {why}</p>' for number, why in left_out if number)
    return f"""<header class="top">
<p class="brand"><b>raw</b>logits</p>
<button id="theme" type="button" hidden>Dark</button>
<h1>{", ".join(words) or "No findings"}</h1>
{more}
{_coverage(report.summary, view)}
</header>"""


def _coverage(summary: Summary, view: View) -> str:
    """How many losses were traced: what silence is worth."""
    failed = f" ({summary.files_failed:,} not read)" if summary.files_failed else ""
    files = f"{count(summary.files_scanned, 'file', 'files')}{failed}, {summary.elapsed_s:.1f} s"
    if not summary.losses_checked:
        return f'<p class="quiet">No losses found · {files}</p>'
    listed = "unresolved" in view.show or not summary.losses_unresolved
    them = "it" if summary.losses_unresolved == 1 else "them"
    hint = "" if listed else f" (<code>--show unresolved</code> lists {them})"
    share = 100 * summary.losses_resolved / summary.losses_checked
    return f"""<div class="meter" role="img" aria-label="{share:.0f} % of the losses traced">\
<i style="width:{share:.1f}%"></i></div>
<p class="quiet">{count(summary.losses_checked, "loss", "losses")} checked: \
{summary.losses_resolved:,} traced to the origin, {summary.losses_unresolved:,} not resolved{hint} · {files}</p>"""


def _bar(findings: tuple[Finding, ...]) -> Iterator[str]:
    if not findings:
        return
    severities = [severity for severity in Severity if any(finding.severity is severity for finding in findings)]
    buttons = "".join(
        f'<button type="button" class="{severity}" data-severity="{severity}" aria-pressed="true">{severity}</button>'
        for severity in severities
    )
    rules = _options("rule", "Every rule", Counter(finding.rule for finding in findings))
    files = _options("file", "Every file", Counter(finding.place.path for finding in findings))
    yield f"""<form class="bar" id="bar" role="search" hidden>
<input id="search" type="search" placeholder="Search" aria-label="Search the findings" \
autocomplete="off" spellcheck="false">
<span class="group" role="group" aria-label="Severities">{buttons}</span>
{rules}
{files}
<button type="reset">Reset</button>
<output id="count" aria-live="polite"></output>
<span class="keys"><kbd>j</kbd> <kbd>k</kbd> step · <kbd>/</kbd> search</span>
</form>"""


def _options(name: str, every: str, counts: Counter[str]) -> str:
    options = "".join(
        f'<option value="{_safe(value)}">{_safe(value)} ({number:,})</option>'
        for value, number in sorted(counts.items())
    )
    return f'<select id="{name}" aria-label="{name.title()}"><option value="">{every}</option>{options}</select>'


def _findings(report: Report, sources: Sources) -> Iterator[str]:
    yield "<main>"
    for number, finding in enumerate(report.findings, start=1):
        yield _finding(finding, number, sources)
    if report.findings:
        again = '<button type="button" id="again">Show all</button>'
        yield f'<p class="empty" id="none" hidden>No finding fits. {again}</p>'
    else:
        yield _nothing(report.summary)
    yield "</main>"


def _nothing(summary: Summary) -> str:
    """No findings: a tick only where every loss was traced."""
    tick, told = "", "No mistake was found."
    if not summary.losses_checked:
        told = "No loss was found, so nothing was checked."
    elif summary.losses_unresolved:
        of = count(summary.losses_checked, "loss", "losses")
        told += f" {summary.losses_unresolved:,} of {of} could not be traced, and of those nothing is known."
    else:
        tick, told = _TICK, "Every loss was traced to the origin of its argument, and gets what it wants."
    return f'<div class="empty">{_RING.format(tick=tick)}<p>{told}</p></div>'


def _finding(finding: Finding, number: int, sources: Sources) -> str:
    likely = ' <span class="chip">likely</span>' if finding.confidence is Confidence.LIKELY else ""
    last = len(finding.trace) - 1
    roles = ["origin" if n == 0 and last else "demand" if n == last else "" for n in range(len(finding.trace))]
    way = "".join(
        f'<li class="{role}"><p><span class="says">{_safe(step.text)}</span> {_place(step.place)}</p>'
        f"{_excerpt(step.place, sources)}</li>"
        for step, role in zip(finding.trace, roles, strict=True)
    )
    return f"""<article id="f{number}" class="{finding.severity}" tabindex="-1" aria-labelledby="f{number}-what" \
data-severity="{finding.severity}" data-rule="{_safe(finding.rule)}" data-file="{_safe(finding.place.path)}">
<p class="tags"><span class="chip severity">{finding.severity}</span>{likely} \
<a href="#{_safe(finding.code)}">{_safe(finding.rule)}</a> <span class="quiet">{_safe(finding.code)}</span> \
{_place(finding.place)}</p>
<h2 id="f{number}-what">{_safe(finding.message)}</h2>
{f'<ol class="way">{way}</ol>' if way else _excerpt(finding.place, sources)}
{_write(finding)}
</article>"""


def _write(finding: Finding) -> str:
    fix = finding.fix
    if fix is None:
        return ""
    note = f'<span class="chip">{_safe(fix.note)}</span>' if fix.note else ""
    return f'<p class="write"><span class="says">write</span> <code>{_safe(fix.message)}</code> {note}</p>'


def _place(place: Place) -> str:
    return f'<span class="place">{_safe(place.home)}:{place.line}:{place.column}</span>'


def _excerpt(place: Place, sources: Sources) -> str:
    """The line of a place with those around it, the place itself marked; nothing when the line cannot be had."""
    lines = sources.lines(place)
    if not 0 < place.line <= len(lines):
        return ""
    end = min(place.end_line, place.line + _TALLEST - 1)
    first, last = max(1, place.line - _AROUND), min(len(lines), end + _AROUND)
    while first < place.line and not lines[first - 1].strip():
        first += 1
    while last > end and not lines[last - 1].strip():
        last -= 1
    shown = lines[first - 1 : last]
    indent = min((len(line) - len(line.lstrip()) for line in shown if line.strip()), default=0)
    rows = "".join(_row(number, line, place, indent) for number, line in enumerate(shown, start=first))
    return f"<pre><code>{rows}</code></pre>"


def _row(number: int, line: str, place: Place, indent: int) -> str:
    """One line without the indent that all have, the part of it that lies in the place marked."""
    inside = place.line <= number <= place.end_line
    start = place.column - 1 if number == place.line else len(line) - len(line.lstrip())
    end = place.end_column - 1 if number == place.end_line else len(line)
    marked = inside and start < min(end, len(line))
    left = max(indent, start - _LONGEST // 4) if marked and len(line) > _LONGEST else indent
    right = left + _LONGEST
    text = _safe(line[left:right])
    if marked:
        parts = (line[left:start], line[max(start, left) : min(end, right)], line[end:right])
        before, within, after = map(_safe, parts)
        text = f"{before}<mark>{within}</mark>{after}"
    text = ("…" if left > indent else "") + text + ("…" if len(line) > right else "")
    return f'<span class="row{" here" if inside else ""}" data-n="{number}">{text}\n</span>'


def _rules(findings: tuple[Finding, ...]) -> Iterator[str]:
    codes = {finding.code for finding in findings}
    pages = [page for page in rule_pages() if page.code in codes]
    if not pages:
        return
    yield '<section class="about"><h2>The rules behind them</h2>'
    yield from (_about(page) for page in pages)
    yield "</section>"


def _about(page: RulePage) -> str:
    sections = "".join(f"<h3>{_safe(title)}</h3>{_markdown(body)}" for title, body in page.sections.items())
    return f"""<details id="{page.code}"><summary>{page.name} <span class="quiet">{page.code}</span></summary>
{sections}</details>"""


def _markdown(text: str) -> str:
    """Paragraphs, fences and `code`: what a rule's page holds."""
    parts = re.split(r"^```[^\n]*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(
        f"<pre><code>{_safe(part)}</code></pre>" if n % 2 else _paragraphs(part) for n, part in enumerate(parts)
    )


def _paragraphs(text: str) -> str:
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "".join(f"<pre>{_safe(b)}</pre>" if b.startswith("|") else f"<p>{_prose(b)}</p>" for b in blocks)


def _prose(block: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _safe(" ".join(block.split())))


def _not_read(report: Report) -> Iterator[str]:
    rows = [(_at(failure.path, failure.line, failure.cell), failure.message) for failure in report.failures]
    yield from _list("Not read", rows)


def _listed(report: Report, view: View) -> Iterator[str]:
    if "unresolved" in view.show:
        rows = [
            (f"{loss.place.home}:{loss.place.line}:{loss.place.column}", f"{loss.operator}: {loss.reason}")
            for loss in report.unresolved
        ]
        yield from _list("Not resolved", rows)
    if "suppressions" in view.show:
        yield from _list(
            "Comments that silence nothing",
            [
                (
                    _at(each.path, each.line, each.cell),
                    f"{', '.join(each.rules) or 'all rules'}{f' ({each.hint})' if each.hint else ''}",
                )
                for each in report.unused_suppressions
            ],
        )


def _at(path: str, line: int | None, cell: int | None) -> str:
    parts = (path, None if cell is None else f"cell {cell}", line)
    return ":".join(str(part) for part in parts if part is not None)


def _list(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    items = [f'<li><span class="place">{_safe(where)}</span> {_safe(what)}</li>' for where, what in rows]
    if items:
        listed = "\n".join(items)
        head = f'{title} <span class="quiet">{len(items):,}</span>'
        yield f'<section class="more"><h2>{head}</h2><ul>{listed}</ul></section>'


_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 12 L8 4 L14 12' "
    "fill='none' stroke='%232f6f8f' stroke-width='2.5' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E"
)
_RING = (
    '<svg viewBox="0 0 48 48" width="48" height="48" aria-hidden="true"><circle cx="24" cy="24" r="21"/>{tick}</svg>'
)
_TICK = '<path d="M15 25l6 6 12-13"/>'
_STYLE = """
:root {
  color-scheme: light dark;
  --ground: light-dark(#f7f6f3, #16181b);
  --sheet: light-dark(#ffffff, #1d2024);
  --code: light-dark(#faf9f7, #17191c);
  --line: light-dark(#e4e1db, #30343a);
  --text: light-dark(#22262b, #dfe2e6);
  --quiet: light-dark(#636870, #9aa1aa);
  --link: light-dark(#1f6384, #7fbfdd);
  --error: light-dark(#b3372f, #f08a80);
  --warning: light-dark(#8a5a00, #e2b55c);
  --advice: light-dark(#2b6a8c, #86bfdc);
  --origin: light-dark(#6a4ea3, #b9a2ea);
  --good: light-dark(#2f7a4b, #7ec79a);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 5rem; max-width: 60rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
}
html { background: var(--ground); scroll-padding-top: 5.5rem; }
h1, h2, h3, p, ol, ul, pre { margin: 0; padding: 0; }
h1 { font-size: 1.9rem; line-height: 1.25; font-weight: 650; letter-spacing: -.015em; grid-column: 1 / -1; }
a { color: var(--link); text-underline-offset: .2em; text-decoration-thickness: 1px; }
code, pre, .place, kbd { font-family: var(--mono); font-size: .8125rem; }
.quiet, .place, .keys, output { color: var(--quiet); }
.place { overflow-wrap: anywhere; }
.error { --tone: var(--error); } .warning { --tone: var(--warning); } .advice { --tone: var(--advice); }
h1 span { color: var(--tone); }
:focus { outline: none; }
:focus-visible, article:focus { outline: 2px solid var(--link); outline-offset: 2px; }
button, select, input {
  font: inherit; font-size: .875rem; color: var(--text); background: var(--sheet); border: 1px solid var(--line);
  border-radius: .5rem; padding: .3rem .7rem; min-height: 2.125rem; max-width: 100%;
}
button, select { cursor: pointer; }
button:hover, select:hover { border-color: var(--quiet); }
.top { display: grid; grid-template-columns: 1fr auto; gap: .5rem 1rem; align-items: center; margin-bottom: 1.75rem; }
.top > p, .meter { grid-column: 1 / -1; }
.top > .brand { grid-column: 1; color: var(--quiet); letter-spacing: .01em; }
.brand b { color: var(--text); font-weight: 650; }
.meter { height: 4px; border-radius: 2px; background: var(--line); overflow: hidden; margin-top: .5rem; }
.meter i { display: block; height: 100%; background: var(--quiet); }
.bar {
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center;
  margin: 0 -1.5rem 1.25rem; padding: .75rem 1.5rem; background: var(--ground); border-bottom: 1px solid var(--line);
}
.bar input { flex: 1 1 7rem; min-width: 0; }
.bar select { flex: 0 1 8.5rem; min-width: 0; text-overflow: ellipsis; }
.group { display: inline-flex; gap: .25rem; }
.group button[aria-pressed="true"] { color: var(--tone); border-color: var(--tone); }
.group button[aria-pressed="false"] { color: var(--quiet); text-decoration: line-through; }
output, .keys { font-size: .8125rem; }
.keys { margin-left: auto; }
kbd { border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem; background: var(--sheet); }
article {
  background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem 1.5rem 1.35rem;
  margin-bottom: 1.25rem; content-visibility: auto; contain-intrinsic-size: auto 34rem;
}
article h2 { font-size: 1.125rem; line-height: 1.4; font-weight: 600; margin: .4rem 0 1rem; overflow-wrap: anywhere; }
.tags { display: flex; flex-wrap: wrap; gap: .2rem .6rem; align-items: baseline; font-size: .875rem; }
.tags .place { margin-left: auto; }
.chip {
  font-size: .75rem; border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .55rem; color: var(--quiet);
}
.chip.severity { color: var(--tone); border-color: currentColor; }
.way { list-style: none; }
.way li { position: relative; padding: 0 0 1rem 1.5rem; --dot: var(--quiet); }
.way li.origin { --dot: var(--origin); } .way li.demand { --dot: var(--tone); padding-bottom: 0; }
.way li::before {
  content: ""; position: absolute; left: 0; top: .45rem; width: .7rem; height: .7rem; border-radius: 50%;
  background: var(--sheet); border: 2px solid var(--dot);
}
.way li.origin::before, .way li.demand::before { background: var(--dot); }
.way li:not(:last-child)::after {
  content: ""; position: absolute; left: calc(.35rem - .5px); top: 1.4rem; bottom: -.2rem; width: 1px;
  background: var(--line);
}
.way p { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; align-items: baseline; }
.way .says { font-size: .9375rem; overflow-wrap: anywhere; min-width: 0; }
pre {
  background: var(--code); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; overflow-x: auto;
  margin-top: .4rem; line-height: 1.6; tab-size: 4;
}
article pre { padding: .35rem 0; }
article pre code { display: block; width: max-content; min-width: 100%; }
.row { display: block; padding-right: 1rem; color: var(--quiet); white-space: pre; }
.row::before {
  content: attr(data-n); display: inline-block; width: 3.5rem; padding-right: 1rem; text-align: right;
}
.row.here { color: var(--text); background: color-mix(in srgb, var(--dot, var(--tone)) 7%, transparent); }
mark {
  color: inherit; background: color-mix(in srgb, var(--dot, var(--tone)) 18%, transparent); border-radius: .2rem;
  box-shadow: 0 2px 0 var(--dot, var(--tone));
}
.write { margin-top: 1rem; padding-top: .9rem; border-top: 1px solid var(--line); }
.write .says { color: var(--good); font-size: .875rem; margin-right: .4rem; }
.write code { overflow-wrap: anywhere; white-space: pre-wrap; }
.empty { text-align: center; color: var(--quiet); padding: 4rem 1rem; }
.empty svg {
  fill: none; stroke: var(--quiet); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; margin-bottom: 1rem;
}
.empty svg:has(path) { stroke: var(--good); }
.about, .more { margin-top: 2.5rem; }
section > h2 { font-size: 1rem; font-weight: 600; margin-bottom: .6rem; }
details { border-bottom: 1px solid var(--line); padding: .6rem 0; }
summary { cursor: pointer; }
details[open] { padding-bottom: 1.25rem; }
details h3 { font-size: .875rem; margin: 1.1rem 0 .25rem; }
details p + p { margin-top: .5rem; }
.more ul { list-style: none; font-size: .875rem; }
.more li { padding: .35rem 0; border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: 0 1rem; }
@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 4rem; }
  h1 { font-size: 1.5rem; }
  .bar { margin: 0 -1rem 1rem; padding: .6rem 1rem; position: static; }
  .bar input { flex-basis: 100%; }
  .bar select { flex: 1 1 8rem; }
  .keys { display: none; }
  html { scroll-padding-top: 1rem; }
  article { padding: 1rem; border-radius: .6rem; }
  .tags .place { margin-left: 0; width: 100%; }
  .row::before { width: 2.5rem; padding-right: .7rem; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media print { .bar, #theme { display: none; } article { break-inside: avoid; content-visibility: visible; } }
"""
_SCRIPT = """
"use strict";
const id = name => document.getElementById(name);
const root = document.documentElement, theme = id("theme"), bar = id("bar");
const media = matchMedia("(prefers-color-scheme: dark)");
const memory = {
  get: () => { try { return localStorage.getItem("rawlogits-theme"); } catch { return null; } },
  set: value => { try { localStorage.setItem("rawlogits-theme", value); } catch { /* forgotten with the page */ } },
};
const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : media.matches;
const label = () => {
  theme.textContent = isDark() ? "Light" : "Dark";
  theme.setAttribute("aria-label", `Switch to ${theme.textContent.toLowerCase()} colours`);
};
if (["light", "dark"].includes(memory.get())) root.dataset.theme = memory.get();
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  memory.set(root.dataset.theme);
  label();
});
media.addEventListener("change", label);
label();
theme.hidden = false;

const openTarget = () => {
  const part = id(location.hash.slice(1));
  if (part?.tagName === "DETAILS") part.open = true;
};
addEventListener("hashchange", openTarget);
openTarget();

if (bar) {
  const findings = [...document.querySelectorAll("article")], texts = new Map();
  const search = id("search"), rule = id("rule"), file = id("file"), none = id("none");
  const toggles = [...bar.querySelectorAll("[data-severity]")];
  const isOn = toggle => toggle.getAttribute("aria-pressed") === "true";
  const textOf = each => {
    if (!texts.has(each)) texts.set(each, each.textContent.toLowerCase());
    return texts.get(each);
  };
  const apply = () => {
    const on = new Set(toggles.filter(isOn).map(each => each.dataset.severity));
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const each of findings) {
      const data = each.dataset;
      const fits = on.has(data.severity) && (!rule.value || rule.value === data.rule)
        && (!file.value || file.value === data.file) && words.every(word => textOf(each).includes(word));
      each.hidden = !fits;
      shown += fits;
    }
    none.hidden = shown > 0;
    id("count").textContent = `${shown} of ${findings.length}`;
  };
  const reset = () => {
    toggles.forEach(each => each.setAttribute("aria-pressed", "true"));
    search.value = rule.value = file.value = "";
    apply();
  };
  const step = by => {
    const shown = findings.filter(each => !each.hidden), last = shown.length - 1;
    const at = shown.indexOf(document.activeElement?.closest("article"));
    const next = shown[at < 0 ? (by > 0 ? 0 : last) : Math.min(Math.max(at + by, 0), last)];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "start" });
  };
  toggles.forEach(each => each.addEventListener("click", () => {
    each.setAttribute("aria-pressed", String(!isOn(each)));
    apply();
  }));
  bar.addEventListener("submit", event => event.preventDefault());
  bar.addEventListener("reset", event => { event.preventDefault(); reset(); });
  id("again").addEventListener("click", () => { reset(); search.focus(); });
  [search, rule, file].forEach(each => each.addEventListener("input", apply));
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target === search) { search.value = ""; apply(); search.blur(); }
    if (event.target instanceof Element && event.target.matches("input, select")) return;
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
    if (event.key === "/") { event.preventDefault(); search.focus(); }
  });
  bar.hidden = false;
  apply();
}
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>rawlogits: {title}</title>
<link rel="icon" href="{icon}">
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""
