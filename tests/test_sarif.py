"""The format `sarif`: what the standard requires, and fingerprints that stay when lines move."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command import RIGHT, WRONG, project, rawlogits
from rawlogits import __version__
from rawlogits.finding import Applicability, Failure, Severity
from rawlogits.report import Report, UnusedSuppression, View, formats
from rawlogits.rules import book
from report_sample import SAMPLE, VIEW

LOG, DOUBLE = SAMPLE.findings
FINGERPRINT = "rawlogits/v1"


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def _array(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


STRING, INDEX, POSITIVE = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}
BAG = {"type": "object"}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = _object("text", text=STRING)
MARKDOWN = _object("text", text=STRING, markdown=STRING)
REGION = _object("startLine", startLine=POSITIVE, startColumn=POSITIVE, endLine=POSITIVE, endColumn=POSITIVE)
ARTIFACT = _object("uri", uri={"type": "string", "pattern": r"^[A-Za-z0-9._~/:%-]+$"}, uriBaseId=STRING)
PHYSICAL = _object("artifactLocation", artifactLocation=ARTIFACT, region=REGION)
LOCATION = _object(
    "physicalLocation",
    id=INDEX,
    physicalLocation=PHYSICAL,
    logicalLocations=_array(_object("name", name=STRING, fullyQualifiedName=STRING)),
    message=MESSAGE,
)
STEP = _object("location", location=LOCATION, importance={"enum": ["important", "essential", "unimportant"]})
FLOW = _object("threadFlows", threadFlows=_array(_object("locations", locations=_array(STEP, minItems=1)), minItems=1))
REPLACEMENT = _object("deletedRegion", deletedRegion=REGION, insertedContent=_object("text", text=STRING))
CHANGE = _object(
    "artifactLocation replacements", artifactLocation=ARTIFACT, replacements=_array(REPLACEMENT, minItems=1)
)
RESULT = _object(
    "message",
    ruleId=STRING,
    ruleIndex=INDEX,
    level=LEVEL,
    message=MESSAGE,
    locations=_array(LOCATION),
    codeFlows=_array(FLOW),
    relatedLocations=_array(LOCATION, uniqueItems=True),
    partialFingerprints={"type": "object", "additionalProperties": STRING},
    fixes=_array(
        _object("artifactChanges", description=MESSAGE, artifactChanges=_array(CHANGE, minItems=1)), uniqueItems=True
    ),
    properties=BAG,
)
RULE = _object("id", id=STRING, name=STRING, shortDescription=MESSAGE, fullDescription=MESSAGE, help=MARKDOWN)
DRIVER = _object(
    "name",
    name=STRING,
    version=STRING,
    semanticVersion=STRING,
    rules=_array(RULE, uniqueItems=True),
    notifications=_array(RULE, uniqueItems=True),
)
NOTIFICATION = _object(
    "message",
    descriptor=_object("", id=STRING, index=INDEX),
    level=LEVEL,
    message=MESSAGE,
    locations=_array(LOCATION, uniqueItems=True),
)
INVOCATION = _object(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    exitCode={"type": "integer"},
    toolExecutionNotifications=_array(NOTIFICATION),
    properties=BAG,
)
RUN = _object(
    "tool",
    tool=_object("driver", driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=_array(INVOCATION),
    results=_array(RESULT),
)
SCHEMA = _object("version runs", **{"$schema": STRING}, version={"const": "2.1.0"}, runs=_array(RUN, minItems=1))
"""The parts of the standard's schema that are written, without its freedom to add others."""


def checked(text: str) -> dict[str, Any]:
    """The run of a log that is as the standard wants it."""
    document = json.loads(text)
    _validate(document, SCHEMA, "$")
    run: dict[str, Any] = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        ids = [related["id"] for related in result.get("relatedLocations", [])]
        assert len(set(ids)) == len(ids)
    return run


KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def _validate(value: Any, schema: dict[str, Any], at: str) -> None:
    """Just enough of JSON Schema for `SCHEMA`."""
    if "type" in schema:
        assert isinstance(value, KINDS[schema["type"]]), f"{at} is no {schema['type']}: {value!r}"
    if "const" in schema or "enum" in schema:
        assert value in schema.get("enum", [schema.get("const")]), f"{at}: {value!r}"
    if "minimum" in schema:
        assert value >= schema["minimum"], f"{at} is {value}"
    if "pattern" in schema:
        assert re.search(schema["pattern"], value), f"{at}: {value!r}"
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value)
        assert not missing, f"{at} has no {missing}"
        for key, each in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            assert inner is not False, f"{at}.{key} is not known"
            _validate(each, inner, f"{at}.{key}")
    if isinstance(value, list):
        assert len(value) >= schema.get("minItems", 0), f"{at} is too short"
        assert not schema.get("uniqueItems") or all(each not in value[:n] for n, each in enumerate(value)), at
        for n, each in enumerate(value):
            _validate(each, schema["items"], f"{at}[{n}]")


def render(report: Report, **view: object) -> dict[str, Any]:
    return checked(formats.renderer("sarif")(report, View(**view)))  # type: ignore[arg-type]


def test_the_sample_is_valid() -> None:
    run = render(SAMPLE, show=VIEW.show)
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["tool"]["driver"]["version"] == __version__
    names = [each["descriptor"]["id"] for each in run["invocations"][0]["toolExecutionNotifications"]]
    assert names == ["not-read", "not-resolved", "unused-suppression"]
    assert run["invocations"][0]["exitCode"] == 1
    assert len(render(SAMPLE)["invocations"][0]["toolExecutionNotifications"]) == 1


def test_the_schema_refuses_what_is_wrong() -> None:
    document = json.loads(formats.renderer("sarif")(SAMPLE, VIEW))
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(AssertionError, match="startLine"):
        checked(json.dumps(document))


def test_every_rule_is_there_with_its_page() -> None:
    listed = render(Report())["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["name"]) for rule in listed] == [(rule.code, rule.name) for rule in book.rules()]
    for rule in listed:
        assert rule["help"]["markdown"] == book.page(rule["id"])
        assert rule["shortDescription"]["text"].endswith(".")


def test_a_result_shows_the_way_of_the_value() -> None:
    result = render(SAMPLE)["results"][1]
    region = {"startLine": 31, "startColumn": 20, "endLine": 31, "endColumn": 26}
    physical = {"artifactLocation": {"uri": "train.py", "uriBaseId": "%SRCROOT%"}, "region": region}
    assert result["ruleId"] == "RL101"
    assert result["level"] == "error"
    assert result["locations"] == [{"physicalLocation": physical}]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == [step.text for step in DOUBLE.trace]
    assert [step["importance"] for step in steps] == ["essential", "important", "essential"]
    assert [related["id"] for related in result["relatedLocations"]] == [1, 2]
    assert result["relatedLocations"][0]["message"]["text"] == "made here: F.softmax(x, dim=1)"
    assert result["message"]["text"] == f"{DOUBLE.message}, [from here](1)\nwrite: return x"


@pytest.mark.parametrize(("severity", "level"), list(zip(Severity, ("error", "warning", "note"), strict=True)))
def test_levels(severity: Severity, level: str) -> None:
    assert render(Report((replace(DOUBLE, severity=severity),)))["results"][0]["level"] == level


def test_only_fixes_that_can_be_applied() -> None:
    log, double = render(SAMPLE)["results"]
    assert "fixes" not in log
    change = double["fixes"][0]["artifactChanges"][0]
    assert change["artifactLocation"]["uri"] == "models/net.py"
    assert change["replacements"][0]["insertedContent"]["text"] == "x"
    assert DOUBLE.fix is not None
    shown = replace(DOUBLE, fix=replace(DOUBLE.fix, applicability=Applicability.SHOWN))
    assert "fixes" not in render(Report((shown,)))["results"][0]


def test_a_finding_without_trace_and_fix() -> None:
    result = render(Report((replace(DOUBLE, trace=(), fix=None),)))["results"][0]
    assert result["message"]["text"] == DOUBLE.message
    assert not {"codeFlows", "relatedLocations", "fixes"} & set(result)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("a b/ü#1.py", {"uri": "a%20b/%C3%BC%231.py", "uriBaseId": "%SRCROOT%"}),
        ("c:d/e.py", {"uri": "c%3Ad/e.py", "uriBaseId": "%SRCROOT%"}),
        ("a\udcff.py", {"uri": "a%FF.py", "uriBaseId": "%SRCROOT%"}),
        ("/else where/a.py", {"uri": "file:///else%20where/a.py"}),
        ("C:/else/a.py", {"uri": "file:///C:/else/a.py"}),
    ],
)
def test_addresses(path: str, address: dict[str, str]) -> None:
    result = render(Report((replace(DOUBLE, place=replace(DOUBLE.place, path=path)),)))["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == address


def test_a_notebook_names_the_cell() -> None:
    place = replace(DOUBLE.place, path="a.ipynb", cell=4)
    result = render(Report((replace(DOUBLE, place=place),)))["results"][0]
    assert result["message"]["text"].startswith("cell 4, line 31: cross_entropy wants")
    assert result["locations"][0]["logicalLocations"][0]["name"] == "cell 4, line 31"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_notifications_of_a_cell() -> None:
    loss = replace(SAMPLE.unresolved[0], place=replace(DOUBLE.place, path="a.ipynb", cell=6))
    unused = UnusedSuppression("a.ipynb", 3, ("RL101",), cell=5)
    failures = (Failure("a.ipynb", 2, "no Python", cell=7), Failure("b.ipynb", None, "no JSON"))
    run = render(Report((), SAMPLE.summary, failures, (loss,), (unused,)), show=VIEW.show)
    told = run["invocations"][0]["toolExecutionNotifications"]
    texts = [each["message"]["text"] for each in told]
    assert texts[0] == "cell 7, line 2: no Python"
    assert texts[1] == "no JSON"
    assert texts[2].startswith("cell 6, line 31: MSELoss")
    assert texts[3].startswith("cell 5, line 3: unused suppression of RL101")
    regions = [each["locations"][0]["physicalLocation"].get("region") for each in told]
    assert regions == [{"startLine": 1}, None, {"startLine": 1}, {"startLine": 1}]


def test_brackets_in_code_are_no_link() -> None:
    text = render(Report((replace(DOUBLE, message="self.layers[0](x) of [a]", trace=()),)))["results"][0]["message"]
    assert text["text"].startswith(r"self.layers\[0](x) of [a]")


def fingerprints(folder: Path) -> list[str]:
    done = rawlogits("check", ".", "--format", "sarif", cwd=folder)
    assert done.status == 1
    return [result["partialFingerprints"][FINGERPRINT] for result in checked(done.out)["results"]]


def test_fingerprints_stay_when_lines_move_and_change_with_the_line(tmp_path: Path) -> None:
    first = fingerprints(project(tmp_path, WRONG))
    assert len(first) == 1
    for name in WRONG:
        path = tmp_path / name
        path.write_text(f"# moved\n\n\n{path.read_text().replace('dim=1)', 'dim=1)  ')}")
    assert fingerprints(tmp_path) == first
    net = tmp_path / "net.py"
    net.write_text(net.read_text().replace("dim=1", "dim=-1"))
    assert fingerprints(tmp_path) != first


def test_fingerprints_tell_twins_apart() -> None:
    moved = replace(DOUBLE, place=replace(DOUBLE.place, line=40, end_line=40))
    one, two = (each["partialFingerprints"][FINGERPRINT] for each in render(Report((DOUBLE, moved)))["results"])
    assert (one.partition(":")[0], one.partition(":")[2]) == (two.partition(":")[0], "1")
    assert two.endswith(":2")


def test_fingerprints_without_the_files_hold_no_line_numbers() -> None:
    moved = replace(DOUBLE, message=f"{DOUBLE.message} (train.py:9)")
    still = replace(DOUBLE, message=f"{DOUBLE.message} (train.py:12:4)")
    first, second = (render(Report((each,)))["results"][0]["partialFingerprints"] for each in (moved, still))
    assert first == second


def test_to_a_file(tmp_path: Path) -> None:
    done = rawlogits("check", ".", "--format", "sarif", "--output", "out.sarif", cwd=project(tmp_path, WRONG))
    assert (done.status, done.out) == (1, "")
    run = checked((tmp_path / "out.sarif").read_text(encoding="utf-8"))
    assert [result["ruleId"] for result in run["results"]] == ["RL101"]


def test_nothing_found(tmp_path: Path) -> None:
    done = rawlogits("check", ".", "--format", "sarif", cwd=project(tmp_path, RIGHT))
    assert checked(done.out)["results"] == []
