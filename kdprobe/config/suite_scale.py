"""A suite at one of its sizes.

Does: put values in the place of `${NAME}`, apply a scale's changes, leave out what it leaves out,
and say in lines what differs from the paper. Does not: plan steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kdprobe.config.base import parse
from kdprobe.config.suite import ScaleName, SuiteFile, SuiteModel, SuiteScale
from kdprobe.errors import ConfigError
from kdprobe.plain_files import expanded
from kdprobe.registry import unknown_name

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class ScaledSuite:
    """A suite as it is made at one size.

    Args:
        file: the suite, values in place; models and comparisons that are left out are gone.
        name: of the scale.
        scale: the scale itself.
        differs: what differs from the paper, a line each.
        left_out: names that are not made at this size, with the reasons.
        where: the file, for messages.
    """

    file: SuiteFile
    name: ScaleName
    scale: SuiteScale
    differs: tuple[str, ...]
    left_out: Mapping[str, str]
    where: str

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that are made at this size, in the suite's order."""
        chosen = self.scale.tasks or self.file.tasks
        return tuple(name for name in self.file.tasks if name in chosen)

    def data(self, task: str) -> dict[str, JsonValue]:
        """Return the keywords of a task's data, `task` among them."""
        held: dict[str, JsonValue] = {"task": task, **self.scale.tasks.get(task, {})}
        return {**held, "task": self.beside(str(held["task"]))}

    def beside(self, name: str) -> str:
        """Return the path of a file that lies beside the suite's; any other name as it is."""
        place = Path(self.where).absolute().parent / name
        return str(place) if place.is_file() else name

    def place(self, name: str) -> str:
        """Return the whole path of a file or folder, beside the suite's file or from here."""
        beside = Path(self.where).absolute().parent / name
        return str(beside if beside.exists() else expanded(name).absolute())


def scaled(suite: SuiteFile, name: str, *, values: Mapping[str, str], where: str) -> ScaledSuite:
    """Return a suite at one of its sizes.

    Args:
        suite: the suite.
        name: of the scale.
        values: come before the scale's own.
        where: the file, for messages.

    Raises:
        UnknownNameError: a scale or a value that the suite does not have.
        ConfigError: `${NAME}` without a value, or a change to a model that does not fit.
    """
    if name not in suite.scales:
        raise unknown_name("scale", name, tuple(suite.scales), option="scale")
    scale_name: ScaleName = next(known for known in suite.scales if known == name)
    scale = suite.scales[scale_name]
    known_values = {**suite.scales["paper"].values, **scale.values}
    for key in values:
        if key not in known_values:
            raise unknown_name("value", key, tuple(known_values), option="values")
    filled = {**known_values, **values}
    bare = suite.model_dump(mode="python", exclude={"scales"})
    own = _filled(scale.model_dump(mode="python"), filled, where)
    models = [
        _merged(model, own["models"].get(model["name"], {}))
        for model in bare["models"]
        if model["name"] not in scale.leave_out
    ]
    data = {**bare, "models": models, "scales": {"paper": {}}}
    # What is shown names models that are left out: it was checked as a whole, and stays.
    shown = {key: getattr(suite, key) for key in ("tables", "heatmaps", "fronts", "claims")}
    data = _filled({k: v for k, v in data.items() if k not in shown}, filled, where)
    parts = {key: _parts(suite, key, data, where) for key in ("models", "texts", "comparisons")}
    kept = {
        key: tuple(part for part in listed if part.name not in scale.leave_out)
        for key, listed in parts.items()
    }
    file = suite.model_copy(update={**shown, **kept})
    now = parse(SuiteScale, own, f"{where}: scales.{name}")
    differs = (*now.differs, *_changed_values(suite, filled), *_changed_steps(suite, now))
    return ScaledSuite(
        file, scale_name, now, tuple(differs) if name != "paper" else now.differs,
        scale.leave_out, where,
    )  # fmt: skip


def _parts(suite: SuiteFile, key: str, data: Mapping[str, Any], where: str) -> list[Any]:
    """Check the parts of one kind again, as they are with their values."""
    kind = {part.name: type(part) for part in getattr(suite, key)}
    return [parse(kind[part["name"]], part, f"{where}: {part['name']}") for part in data[key]]


def _merged(model: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a scale's changes to a model; tables of keywords are joined."""
    merged = dict(model)
    for key, value in changes.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = {**before, **value}
        merged[key] = value
    return merged


def _filled(value: Any, values: Mapping[str, str], where: str) -> Any:
    """Put values in the place of their names, in all texts."""

    def put(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ConfigError(
                where, found=f"no value for ${{{match[1]}}}",
                expected="one under `values` of every scale",
                remedy=f"name it with `values={match[1]}=...`",
            )  # fmt: skip
        return values[match[1]]

    if isinstance(value, str):
        return _NAME.sub(put, value)
    if isinstance(value, Mapping):
        return {key: _filled(inner, values, where) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_filled(inner, values, where) for inner in value)
    return value


def _changed_values(suite: SuiteFile, values: Mapping[str, str]) -> list[str]:
    """Say which values are not the paper's."""
    paper = suite.scales["paper"].values
    return [
        f"{key.replace('_', ' ')}: {paper[key]} in the paper, {value} here"
        for key, value in values.items()
        if key in paper and paper[key] != value
    ]


def _changed_steps(suite: SuiteFile, scale: SuiteScale) -> list[str]:
    """Say which tasks, seeds and keywords are not the paper's."""
    paper = suite.scales["paper"]
    lines = []
    if scale.tasks:
        absent = [task for task in suite.tasks if task not in scale.tasks]
        if absent:
            lines.append(f"tasks left out: {', '.join(absent)}")
        lines += [
            f"{task}: {_words(keywords)}" for task, keywords in scale.tasks.items()
            if keywords and keywords != paper.tasks.get(task)
        ]  # fmt: skip
    if scale.seeds != paper.seeds:
        lines.append(f"trainings of each model: {len(paper.seeds)} in the paper, "
                     f"{len(scale.seeds)} here")  # fmt: skip
    for kind in ("finetune", "distill", "augment", "compare"):
        before, now = getattr(paper, kind), getattr(scale, kind)
        changed = {key: value for key, value in now.items() if before.get(key) != value}
        if changed:
            lines.append(f"every {kind}: {_words(changed)}")
    changes = {name: _words(keywords) for name, keywords in scale.models.items()}
    lines += [f"{names}: {change}" for change, names in _by_text(changes)]
    lines += [f"not made, {reason}: {names}" for reason, names in _by_text(scale.leave_out)]
    return lines


def _by_text(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each text once, with the names that have it.

    >>> [*_by_text({"a": "k = 64", "b": "k = 32", "c": "k = 64"})]
    [('k = 64', 'a, c'), ('k = 32', 'b')]
    """
    names: dict[str, list[str]] = {}
    for name, text in texts.items():
        names.setdefault(text, []).append(name)
    yield from ((text, ", ".join(those)) for text, those in names.items())


def _words(keywords: Mapping[str, JsonValue]) -> str:
    """Write keywords in a line.

    >>> _words({"epochs": 2, "options": {"limit": 100, "tasks": ["a", "b"]}, "by_task": {}})
    'epochs = 2, options.limit = 100, options.tasks = a + b, the same for every task'
    """
    return ", ".join(_assignments("", keywords))


def _assignments(before: str, keywords: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield keywords with their values; of tables those inside, by their whole names."""
    for key, value in keywords.items():
        if isinstance(value, dict) and value:
            yield from _assignments(f"{before}{key}.", value)
        elif isinstance(value, dict):
            yield "the same for every task" if key == "by_task" else f"no {before}{key}"
        else:
            shown = " + ".join(map(str, value)) if isinstance(value, list | tuple) else value
            yield f"{before}{key} = {shown}"


def model_for(model: SuiteModel, task: str) -> SuiteModel:
    """Return a model with the keywords of one task in place.

    >>> m = SuiteModel(name="t", make="finetune", model="x", by_task={"rte": {"epochs": 9}})
    >>> model_for(m, "rte").options, model_for(m, "cola").options
    ({'epochs': 9}, {})
    """
    changes = dict(model.by_task.get(task, {}))
    own: dict[str, Any] = {key: changes.pop(key) for key in ("student", "recipe") if key in changes}
    settings = changes.pop("settings", {})
    if isinstance(settings, dict):
        own["settings"] = {**model.settings, **settings}
    return model.model_copy(update={**own, "options": {**model.options, **changes}})
