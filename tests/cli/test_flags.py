"""Flags that are made from options models, and commands that are imported when they are run."""

import importlib
import inspect
import subprocess
import sys
from typing import Annotated, Any, ClassVar

import pytest
import typer.main

from kdprobe.cli.commands import EVERYDAY, PANELS, Deferred
from kdprobe.cli.flags import Quiet, Shown, Spread, generated
from kdprobe.cli.main import COMMANDS, GROUPS, app
from kdprobe.cli.option_names import flag_words, with_flags
from kdprobe.collectors.protocol import COLLECTORS, options_of
from kdprobe.config.commands import DistillOptions
from kdprobe.config.flags import Flag, FlagOptions
from kdprobe.config.options import DataOptions, TrainingRuntime
from kdprobe.config.training import TrainingSettings
from tests.cli.scene import run


class Grouped(FlagOptions):
    """Options of which one asks."""

    group: ClassVar[str] = "grouped"
    asks: ClassVar[tuple[str, ...]] = ("student",)

    student: Annotated[tuple[str, ...], Flag("Whom.", name="whom", reads="names")] = ("z",)
    count: Annotated[int, Flag("How many.", name="how-many")] = 3


def spread(unset: Any = "") -> tuple[Any, list[object]]:
    """A command with models in its signature, and what it is called with."""
    calls: list[object] = []

    @generated
    def command(
        model: str,
        quiet: Quiet = False,
        *,
        data: Annotated[DataOptions, Shown(required=("task",), without=("sample_seed",))],
        own: DistillOptions,
        settings: Annotated[TrainingSettings, Shown(unset=unset)],
        runtime: Annotated[TrainingRuntime, Shown(only=("bf16",))],
    ) -> None:
        calls.extend((model, quiet, data, own, settings, runtime))

    return command, calls


def test_models_are_spread_and_gathered() -> None:
    """Guards an option that is read and never handed on: the command would ignore it in silence."""
    command, calls = spread()
    parameters = inspect.signature(command).parameters
    assert "sample_seed" not in parameters
    assert "device" not in parameters
    assert parameters["task"].default is inspect.Parameter.empty
    defaults = {name: p.default for name, p in parameters.items() if name not in ("model", "task")}
    typed = {"labels": ["a,b", "c"], "label_map": "A=a", "settings": ["x=1"], "seed": 7}
    command(model="m", task="cola", **(defaults | typed | {"bf16": False, "epochs": 2.0}))
    assert calls == [
        "m", False, DataOptions(task="cola", labels=("a", "b", "c"), label_map={"A": "a"}),
        DistillOptions(settings={"x": "1"}, seed=7), TrainingSettings(epochs=2),
        TrainingRuntime(bf16=False),
    ]  # fmt: skip
    settings: Any = calls[4]
    assert settings.model_fields_set == {"epochs"}


def test_what_is_typed_as_the_default_is_named() -> None:
    """Guards `--train-split train` beside --like, which the student's split would override."""
    command, calls = spread("named")
    parameters = inspect.signature(command).parameters
    assert parameters["epochs"].default is None
    assert parameters["epochs"].annotation.__metadata__[0].help.endswith("Default: 3.")
    given = {name: p.default for name, p in parameters.items()} | {"model": "m", "task": "t"}
    command(**given | {"epochs": 3.0})
    settings: Any = calls[4]
    assert settings.model_fields_set == {"epochs"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("report", "doctor")])
def test_help_in_panels(name: str) -> None:
    """Guards an option that no panel shows, and a first list longer than ten."""
    command: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    shown = run(name, "--help").out
    for param in command.params:
        if param.param_type_name == "option":
            assert max(param.opts, key=len) in shown, param.name
            assert getattr(param, "rich_help_panel", None) in (None, "", *PANELS)
    heads = [
        line[:-1] for line in shown.splitlines() if line and line[0] != " " and line[-1] == ":"
    ]
    known = ["Arguments", "Options", *(panel.capitalize() for panel in PANELS)]
    assert heads == [head for head in known if head in heads]
    if len(heads) > 2:
        first = shown.split("\nOptions:\n")[1].split("\n\n")[0]
        assert sum(line.startswith("  -") for line in first.splitlines()) <= EVERYDAY


def test_the_list_of_commands_says_what_they_say() -> None:
    """Guards the one line of each command that stands in `main.py`, so that nothing is imported."""
    for commands in (COMMANDS, *(held for _, held in GROUPS.values())):
        for place, summary in commands.values():
            module, _, name = place.partition(":")
            function = getattr(importlib.import_module(f"kdprobe.cli.{module}"), name)
            first = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
            assert first == summary


def test_the_list_imports_no_command() -> None:
    """Guards the time of `kdprobe --help` and of completion: they read no options model."""
    code = (
        "import sys; from typer.testing import CliRunner; from kdprobe.cli.main import app; "
        "CliRunner().invoke(app, ['--help']); "
        "print([m for m in sys.modules if m in ('pydantic', 'torch', 'kdprobe.cli.compare')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    group: Any = typer.main.get_command(app)
    assert isinstance(group.commands["compare"], Deferred)


def test_option_names_in_messages() -> None:
    """Guards a message that names a keyword of Python to a person who types flags."""
    said = "`labels=A,B`: `kdprobe tasks` or `text` with `settings=temperature=3`; `bf16=False`"
    assert with_flags(said) == (
        "--labels A,B: `kdprobe tasks` or --text with --set temperature=3; --no-bf16"
    )
    assert with_flags("`nothing` of `a.b`") == "`nothing` of `a.b`"
    assert flag_words()["learning_rate"] == "learning-rate"


def test_every_flag_word_is_a_flag() -> None:
    """Guards a translation into a flag that no command has."""
    flags = set()
    group: Any = typer.main.get_command(app)
    held = [*group.commands.values()]
    held += [each for one in held if hasattr(one, "commands") for each in one.commands.values()]
    for command in held:
        flags |= {word for param in command.params for word in getattr(param, "opts", ())}
    assert {f"--{word}" for word in flag_words().values()} <= flags | {"--generate", "--config"}


def test_several_models_give_what_was_typed() -> None:
    """Guards a default of a collector's that would ask for minutes of work nobody wanted."""
    calls: list[object] = []

    @generated
    def command(
        *,
        parts: Annotated[
            dict[str, dict[str, object]], Spread(lambda: {"a": DistillOptions, "b": Grouped})
        ],
    ) -> None:
        calls.append(parts)

    parameters = inspect.signature(command).parameters
    assert {"student", "grouped_student"} <= set(parameters)
    given = {name: p.default for name, p in parameters.items()}
    command(**given)
    command(**given | {"recipe": "vanilla", "grouped_student": ["x,y"]})
    assert calls == [
        {"a": {}, "b": {}}, {"a": {"recipe": "vanilla"}, "b": {"student": ("x", "y")}}
    ]  # fmt: skip
    typed = parameters["grouped_student"].annotation.__metadata__[0]
    assert typed.help == "Whom."
    assert parameters["grouped_count"].annotation.__metadata__[0].help == "How many. Default: 3."


def test_options_of_collectors_are_read_without_them() -> None:
    """Guards two things: options beside those of the collector, and numpy for `compare --help`."""
    for name in COLLECTORS.names():
        assert options_of(name) is COLLECTORS.load(name).options, name
    code = (
        "import sys; import kdprobe.cli.compare; "
        "print([m for m in sys.modules if m in ('numpy', 'torch', 'kdprobe.collectors.session')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
