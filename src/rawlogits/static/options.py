"""What whoever starts the program decides: command lines, and functions whose defaults settings may overrule.

Such values are unknown, but have keys: a choice between programs that is made in two places is one choice.
`choices=` bounds what a value may be, `default=` names one that it certainly may have.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from rawlogits.static import datafiles
from rawlogits.static.engine import Args, Engine, literal
from rawlogits.static.values import (
    NONE,
    Alternative,
    Bound,
    Built,
    Class,
    Const,
    Ext,
    Fact,
    Frame,
    Func,
    Map,
    Seq,
    Unknown,
    Value,
    choose,
)

PARSER = "argparse.ArgumentParser"
COMMANDS = "argparse.add_subparsers"
_OF, _COMMAND = "the parser", "the command"
_APPS = ("typer.Typer", "sacred.Experiment")
_OVERRULING = frozenset(
    {
        "gin.configurable",
        "gin.register",
        "typer.Typer.command",
        "typer.Typer.callback",
        "sacred.Experiment.automain",
        "sacred.Experiment.capture",
        "sacred.Experiment.command",
        "sacred.Experiment.main",
    }
)
"""Decorators after which settings from outside count before the defaults of a function or a class."""
RUNNERS = ("fire.Fire", "typer.run", "tyro.cli", "jsonargparse.CLI", "jsonargparse.auto_cli", "defopt.run")
"""What runs a function with what it finds on the command line."""


# -- defaults that may be overruled ----------------------------------------------------------------------------------


def stated(engine: Engine, value: Value, key: str) -> Value:
    """What stands in place of a constant that may be overruled from outside; other values stay."""
    constant = literal(value)
    if constant is ...:
        return value
    engine.stated.add((key, repr(constant)))
    return Unknown("value that whoever starts the program may choose", key)


def open_up(engine: Engine, items: dict[object, Value], place: str) -> None:
    """`settings.update(others)`, with others of which nothing is known: constants may be something else now."""
    for name, value in list(items.items()):
        if isinstance(value, Const):
            engine.write(items, name, stated(engine, value, f"{place}[{name!r}]"))
        elif isinstance(value, Map):
            open_up(engine, value.items, f"{place}[{name!r}]")


def overrule(engine: Engine, decorator: Value, value: Value, node: ast.expr, frame: Frame) -> None:
    """Note that a decorator lets settings count before defaults, or what it says of a parameter itself."""
    if not isinstance(value, (Func, Class)):
        return
    name = decorator.name if isinstance(decorator, Ext) else ""
    if isinstance(decorator, Bound) and isinstance(decorator.receiver, Built):
        name = f"{decorator.receiver.name}.{decorator.name}"
    if name in _OVERRULING:
        given = literal(engine.evaluate(node.args[0], frame)) if isinstance(node, ast.Call) and node.args else None
        value.outside = given if isinstance(given, str) else value.name
    elif name in ("click.option", "click.argument") and isinstance(node, ast.Call) and isinstance(value, Func):
        flags = [literal(engine.evaluate(arg, frame)) for arg in node.args]
        asked = {k.arg: literal(engine.force(engine.evaluate(k.value, frame))) for k in node.keywords if k.arg}
        _offer(engine, f"{value.module.source.shown}:{value.name}", [f for f in flags if isinstance(f, str)], asked)


def _offer(engine: Engine, owner: str, flags: Sequence[str], asked: Mapping[str, object]) -> None:
    """What `@click.option("--loss", default="ce", type=click.Choice([...]))` says of a parameter."""
    plain = next((f for f in flags if not f.startswith("-")), "")
    long = plain or next((f for f in flags if f.startswith("--")), flags[0] if flags else "")
    key = f"{owner}.{long.lstrip('-').partition('/')[0].replace('-', '_')}"
    choices = asked.get("type")
    if isinstance(choices, tuple) and choices:
        engine.domains[key] = choices
    for value in (*(choices if isinstance(choices, tuple) else ()), asked.get("default", ...)):
        if value is not ...:
            engine.stated.add((key, repr(value)))


def given(engine: Engine, outside: str, name: str, default: Value, key: str) -> Value:
    """A parameter that a call leaves out, of a function whose defaults settings may overrule."""
    if f"{outside}.{name}" in engine.settings:
        return engine.settings[f"{outside}.{name}"]
    return default if engine.settings_seen else stated(engine, default, key)


def _started(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    """`fire.Fire(main)`: the function runs, its parameters come from the command line."""
    target = engine.force(args.values[0]) if args.values else NONE
    if isinstance(target, (Func, Class)):
        target.outside = target.name
        return engine.call(target, Args(open=True), node, frame)
    return Unknown("computed")


def _offered(engine: Engine, args: Args, node: ast.AST, frame: Frame) -> Value:
    return args.values[0] if args.values else Unknown("computed")


def _app(name: str) -> Callable[[Engine, Args, ast.AST, Frame], Value]:
    return lambda engine, args, node, frame: Built(name, (), {}, frame.module, node)


# -- argparse --------------------------------------------------------------------------------------------------------


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
    if isinstance(default, str) and (is_file := _is_settings(engine, default, frame)) | _is_module(
        engine, default, frame
    ):
        fact = Fact(key, "==", default, True, ast.Name(name), dispatch=True, assumed=is_file)
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


def _is_settings(engine: Engine, text: str, frame: Frame) -> bool:
    """Whether a text is the path of a settings file that ships with the code."""
    return datafiles.located(engine, text, frame.module) is not None


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


FUNCTIONS: dict[str, Callable[[Engine, Args, ast.AST, Frame], Value]] = {
    **{name: _app(name) for name in (PARSER, *_APPS)},
    **dict.fromkeys(RUNNERS, _started),
    "click.Choice": _offered,
}
"""By qualified name."""
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
