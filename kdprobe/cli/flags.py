"""The flags of a command, made from the options models in its signature.

Does: spread each model into options that typer reads one by one, and make the models of what was
given. Does not: know any option; its kind, bounds, help and flag stand where it is typed
(`config/flags.py`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import typer

from kdprobe.cli import words
from kdprobe.config.flags import FlagField, FlagOptions, flags_of
from kdprobe.errors import ConfigError

Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress, no notes.", rich_help_panel="output"),
]


@dataclass(frozen=True)
class Shown:
    """How a command shows an options model, where it differs from the model.

    Args:
        only: the names that it has; empty: all.
        without: names that it does not have.
        required: names that must be given.
        help: other help, by name.
        unset: what is not typed stays unset though the model has a default (a recipe's or a
            student's counts): `quietly`, or with the default `named` in the help.
        unnamed: names whose default is not named all the same: typing them asks for something.
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    help: Mapping[str, str] = field(default_factory=dict)
    unset: Literal["", "quietly", "named"] = ""
    unnamed: tuple[str, ...] = ()

    def fields(self, model: type[FlagOptions]) -> Iterator[FlagField]:
        """Yield the fields of a model that the command has."""
        for name, one in flags_of(model).items():
            if name not in self.without and (not self.only or name in self.only):
                yield one


class Spread(NamedTuple):
    """A parameter that stands for the options of several models: what was typed of each, by name.

    Args:
        models: returns the models by name; it is called when the command is built.
    """

    models: Callable[[], Mapping[str, type[FlagOptions]]]


def _typed(model: type[FlagOptions]) -> Shown:
    """Of several models only what is typed is handed on: `asks` says what that asks for."""
    asks = getattr(model, "asks", None)
    return Shown(unset="named", unnamed=tuple(model.model_fields) if asks == () else asks or ())


def generated(command: Callable[..., None]) -> Callable[..., None]:
    """Spread the options models in a command's signature, so that its options are read one by one.

    Args:
        command: each of its parameters that is a `FlagOptions`, also annotated with `Shown`, or
            is annotated with `Spread`, stands for the options in it, in order; they come last.
    """
    own: list[inspect.Parameter] = []
    flags: dict[str, inspect.Parameter] = {}
    single: dict[str, tuple[type[FlagOptions], Shown]] = {}
    several: dict[str, Mapping[str, type[FlagOptions]]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        shown, spread = _shown(parameter.annotation), _spread(parameter.annotation)
        if shown is None and spread is None:
            own.append(parameter)
        if shown is not None:
            single[parameter.name] = shown
            flags |= _parameters(*shown)
        if spread is not None:
            several[parameter.name] = spread.models()
            for model in several[parameter.name].values():
                flags |= _parameters(model, _typed(model))

    @functools.wraps(command)
    def run(**given: Any) -> None:
        values: dict[str, object] = {
            name: {key: _values(model, _typed(model), given) for key, model in models.items()}
            for name, models in several.items()
        }
        values |= {
            name: model(**_values(model, shown, given)) for name, (model, shown) in single.items()
        }
        command(**given, **values)

    places = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    signature = inspect.Signature([*places, *flags.values()])
    setattr(run, "__signature__", signature)  # noqa: B010 (mypy knows none)
    return run


def keyword(one: FlagField) -> str:
    """Return the name of an option among all those of a command."""
    return one.option.replace(".", "_")


def _shown(annotation: object) -> tuple[type[FlagOptions], Shown] | None:
    kind, shown = annotation, Shown()
    if get_origin(annotation) is Annotated:
        kind, *notes = get_args(annotation)
        shown = next((note for note in notes if isinstance(note, Shown)), shown)
    return (kind, shown) if isinstance(kind, type) and issubclass(kind, FlagOptions) else None


def _spread(annotation: object) -> Spread | None:
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((note for note in notes if isinstance(note, Spread)), None)


def _parameters(model: type[FlagOptions], shown: Shown) -> dict[str, inspect.Parameter]:
    return {keyword(one): _parameter(one, shown) for one in shown.fields(model)}


def _parameter(one: FlagField, shown: Shown) -> inspect.Parameter:
    """Return the parameter that typer reads."""
    kind, default = _kind(one), _default(one)
    if shown.unset:
        default = None
    if one.name in shown.required:
        default = inspect.Parameter.empty
    option = typer.Option(
        *_declared(one),
        help=_help(one, shown) or None,
        metavar=one.flag.metavar or None,
        envvar=one.flag.env or None,
        min=_bound(one, one.least),
        max=_bound(one, one.most),
        rich_help_panel="" if one.flag.everyday else one.panel,
    )
    return inspect.Parameter(
        keyword(one),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind if default is not None else kind | None, option],
    )


def _kind(one: FlagField) -> Any:
    """Return the kind of value that typer reads."""
    if one.flag.reads in ("pairs", "nested") or (one.arity == 0 and one.flag.reads != "map"):
        return list[str]
    if one.flag.reads == "map":
        return str
    if one.choices:
        return Literal.__getitem__(one.choices)
    return tuple[(one.kind,) * one.arity] if one.arity > 1 else one.kind  # type: ignore[misc]


def _default(one: FlagField) -> Any:
    """Return the default that the help shows; None where there is none, or no word for it."""
    simple = one.flag.reads == "value" and isinstance(one.default, one.kind) and one.arity == 1
    return one.default if simple else None


def _declared(one: FlagField) -> Iterator[str]:
    for word in one.words:
        yield f"--{word}/--no-{word}" if one.flag.both else f"--{word}"
    if one.flag.short:
        yield f"-{one.flag.short}"


def _bound(one: FlagField, limit: float | None) -> float | None:
    return limit if limit is None or one.kind is float else int(limit)


def _help(one: FlagField, shown: Shown) -> str:
    text = shown.help.get(one.name, one.flag.help)
    named = shown.unset == "named" and one.default is not None and "Default:" not in text
    named = named and one.name not in shown.unnamed
    return f"{text} Default: {one.default:g}." if named and isinstance(one.default, float) else (
        f"{text} Default: {one.default}." if named and isinstance(one.default, int | str) else text
    )  # fmt: skip


def _values(model: type[FlagOptions], shown: Shown, given: dict[str, Any]) -> dict[str, object]:
    """Take the options of a model out of what a command was given.

    What has its default is not passed on: `model_fields_set` says what was named.
    """
    values: dict[str, object] = {}
    for one in shown.fields(model):
        value = given.pop(keyword(one))
        if value is not None and (shown.unset or value != _default(one)):
            values[one.name] = _read(one, value)
    return {name: value for name, value in values.items() if value is not None}


def _read(one: FlagField, value: Any) -> object:
    """Read the words of one option."""
    option = f"--{one.words[0]}"
    if one.flag.reads == "pairs":
        return words.pairs(option, value) or None
    if one.flag.reads == "nested":
        read = words.nested(option, value)
        plain = [key for key, inner in read.items() if not isinstance(inner, dict)]
        if plain and "." in one.flag.metavar:
            raise ConfigError(option, found=repr(plain[0]), expected=one.flag.metavar)
        return read or None
    if one.flag.reads == "map":
        return words.label_map(value)
    return tuple(words.names(value, option)) or None if one.arity == 0 else value
