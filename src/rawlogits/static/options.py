"""Command lines: what `argparse` says of the attributes that `parse_args` gives.

Their values are unknown, but have keys: a choice between programs that is made in two places is one choice.
`choices=` bounds what an attribute may be, `default=` names one value that it certainly may have.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from rawlogits.static.engine import Args, Engine, literal
from rawlogits.static.values import NONE, Alternative, Built, Const, Fact, Frame, Map, Seq, Unknown, Value, choose

PARSER = "argparse.ArgumentParser"
COMMANDS = "argparse.add_subparsers"
_OF, _COMMAND = "the parser", "the command"


def parser(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """A new parser."""
    return Built(PARSER, (), {}, frame.module, node)


def _parsed(receiver: Built) -> str:
    """The key of what a parser's `parse_args` returns; that of a command's parser is its parent's."""
    while isinstance(parent := receiver.attrs.get(_OF), Built):
        receiver = parent
    node = receiver.node
    place = f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"
    return f"{receiver.module.source.shown}:{place}.parse_args()"


def _add_argument(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    given = {name: literal(engine.force(value)) for name, value in args.keywords.items()}
    flags = [flag for flag in (literal(engine.force(value)) for value in args.values) if isinstance(flag, str)]
    long = [flag for flag in flags if flag.startswith("--")] or flags
    name = given.get("dest") or (long[0].lstrip("-").replace("-", "_") if long else "")
    if not isinstance(name, str) or not name or "nargs" in given or given.get("action", "store") != "store":
        return NONE
    key = f"{_parsed(receiver)}.{name}"
    optional = bool(flags) and flags[0].startswith("-") and given.get("required") is not True
    default = given.get("default") if optional else ...
    offered = engine.force(args.keywords.get("choices", NONE))
    choices = tuple(offered.items) if isinstance(offered, Map) and not offered.open else literal(offered)
    if isinstance(choices, tuple) and choices:
        known = (*engine.domains.get(key, ()), *choices)
        engine.domains[key] = known if default is ... or default in known else (*known, default)
    engine.stated.update((key, repr(value)) for value in (choices if isinstance(choices, tuple) else ()))
    engine.stated.add((key, repr(default)))
    if isinstance(default, str) and _is_module(engine, default, frame):
        fact = Fact(key, "==", default, True, ast.Name(name), dispatch=True)
        other = Alternative((fact.negated(),), Unknown("no row for parse_args", key))
        engine.write(engine.loose, (_parsed(receiver), name), choose((Alternative((fact,), Const(default)), other)))
    return NONE


def _is_module(engine: Engine, text: str, frame: Frame) -> bool:
    """Whether a text names a module of the project, or something in one: what is imported by default is known."""
    head, _, last = text.rpartition(".")
    if not all(part.isidentifier() for part in text.split(".")) or not last:
        return False
    found = (engine.project.find(name, frame.module) for name in (text, head) if name)
    return any(path is not None and path.suffix for path in found)


def _set_defaults(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    """Defaults are values like any other; where several commands set one, the command chooses."""
    key, parent = _parsed(receiver), receiver.attrs.get(_OF)
    for name, value in args.keywords.items():
        if isinstance(parent, Built):
            command = literal(receiver.attrs[_COMMAND])
            earlier = parent.attrs.get(f"{name} by command")
            options = Map({**(earlier.items if isinstance(earlier, Map) else {}), command: value})
            engine.write(parent.attrs, f"{name} by command", options)
            value = _by_command(f"{key}.{literal(parent.attrs[_COMMAND])}", options)
        engine.write(engine.loose, (key, name), value)
    return NONE


def _by_command(key: str, options: Map) -> Value:
    subject = ast.Name(key.rpartition(".")[2])
    return choose(
        Alternative((Fact(key, "==", command, True, subject, dispatch=True),), value)
        for command, value in options.items.items()
    )


def _add_subparsers(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    name = args.keywords.get("dest", Const("command"))
    return Built(COMMANDS, (), {}, frame.module, node, {_OF: receiver, _COMMAND: engine.force(name)})


def _add_parser(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    name = engine.force(args.values[0]) if args.values else Const("")
    return Built(PARSER, (), {}, frame.module, node, {_OF: receiver, _COMMAND: name})


def _parse_args(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    return Unknown("no row for parse_args", _parsed(receiver))


def _parse_known_args(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    return Seq([_parse_args(engine, receiver, args, node, frame), Unknown("computed")], frozen=True)


def _group(engine: Engine, receiver: Built, args: Args, node: ast.AST, frame: Frame) -> Value:
    return receiver


METHODS: dict[tuple[str, str], Callable[..., Value]] = {
    (PARSER, "add_argument"): _add_argument,
    (PARSER, "set_defaults"): _set_defaults,
    (PARSER, "parse_args"): _parse_args,
    (PARSER, "parse_known_args"): _parse_known_args,
    (PARSER, "add_argument_group"): _group,
    (PARSER, "add_mutually_exclusive_group"): _group,
    (PARSER, "add_subparsers"): _add_subparsers,
    (COMMANDS, "add_parser"): _add_parser,
}
"""By the name of what was built and the method's."""
