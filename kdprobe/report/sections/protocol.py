"""The protocol card: every choice made, and how to make the document again.

Does: list the command, options, versions, seeds, fingerprints and times. Does not: show full paths;
the document holds folder names only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pydantic import JsonValue

from kdprobe.report.markup import fill
from kdprobe.results.numbers import show_count, show_date, show_number
from kdprobe.results.schema import (
    Cell,
    Column,
    ModelInfo,
    ProducedBy,
    ResultsDocument,
    Table,
    TaskInfo,
)
from kdprobe.results.sweep import SweepDocument

MOST_CITED = 6
SELECTION = "selection-bias"
"""The code of the notice that checkpoints were chosen on the split that is compared on."""


def option_rows(options: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """Write options for a reader."""
    return [(key, _option(value)) for key, value in sorted(options.items())]


def _option(value: JsonValue) -> str:
    """Write one option: words as they are, a list with commas, nothing as a dash.

    >>> _option(["a", "b"]), _option(None), _option({"a": 1}), _option([])
    ('a, b', '–', '{"a": 1}', '–')
    """
    if value is None or value == []:
        return "–"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def task_rows(task: TaskInfo) -> list[tuple[str, str]]:
    """Describe the task and the split."""
    counts = ", ".join(f"{label} {show_count(n)}" for label, n in sorted(task.label_counts.items()))
    return [
        ("name", f"{task.name}, version {task.version}"),
        ("kind", task.kind),
        ("split", f"{task.split}, n = {show_count(task.n)}{task.in_clusters}"),
        ("primary score", task.primary_score),
        ("labels", counts or ", ".join(task.labels) or "–"),
        ("fingerprint", task.fingerprint[:16]),
        ("citation", task.citation or "–"),
    ]


def production_rows(produced_by: ProducedBy, *, seed: int) -> list[tuple[str, str]]:
    """State what made a document."""
    items = [
        ("kdprobe", produced_by.kdprobe),
        ("Python", produced_by.python),
        ("platform", produced_by.platform),
        ("device", produced_by.device or "–"),
        ("dtype", produced_by.dtype or "–"),
        ("threads", "–" if produced_by.threads is None else str(produced_by.threads)),
        ("created", show_date(produced_by.created) or "–"),
        ("seed", str(seed)),
    ]
    return [*items, *sorted(produced_by.packages.items())]


def no_command(models: Sequence[ModelInfo]) -> str:
    """Return why there is no command that makes a comparison again."""
    memory = [one for one in models if one.source in ("loaded model", "function", "arrays")]
    if not memory:
        return "Called from Python: no command was typed."
    named = ", ".join(f"{one.name} ({one.folder})" for one in memory)
    return f"Called from Python with models in memory, which no command makes again: {named}."


def runnable(command: str) -> str:
    """Return a command as a shell runs it; `python -m kdprobe` was once recorded by its file.

    >>> runnable("__main__.py demo -o example"), runnable("kdprobe compare a b")
    ('kdprobe demo -o example', 'kdprobe compare a b')
    """
    return (
        command.replace("__main__.py", "kdprobe", 1) if command[:11] == "__main__.py" else command
    )


def citation(document: ResultsDocument | SweepDocument) -> str:
    """Return one line that says what was compared, on what, with which version and seed."""
    task, origin = document.task, document.produced_by
    names = ", ".join(model.name for model in document.students[:MOST_CITED])
    rest = len(document.students) - MOST_CITED
    day = f", {origin.created[:10]}" if origin.created else ""
    return (
        f"{names}{f' and {rest} more' if rest > 0 else ''} against {document.teacher.name} "
        f"({(document.teacher.fingerprint or 'no fingerprint')[:16]}) on {task.name}, "
        f"{task.split} split, n = {show_count(task.n)}; kdprobe {origin.kdprobe}, seed "
        f"{document.request.seed}{day}."
    )


def model_table(models: Sequence[ModelInfo]) -> Table:
    """Lay out where each model comes from."""
    texts = ("role", "source", "folder", "architecture")
    rows: list[tuple[Cell, ...]] = [
        (m.name, m.role, m.source, m.folder, m.architecture or None, m.runs, m.parameters,
         m.fingerprint[:16] or None, "; ".join(m.notes) or None)
        for m in models
    ]  # fmt: skip
    return Table(
        name="models",
        title="Models",
        columns=(
            Column(name="name", label="Name"),
            *(Column(name=name, label=name) for name in texts),
            Column(name="runs", label="runs", kind="count"),
            Column(name="parameters", label="parameters", kind="count"),
            Column(name="fingerprint", label="fingerprint"),
            Column(name="notes", label="notes"),
        ),
        rows=tuple(rows),
    )


def _chosen(document: ResultsDocument) -> list[tuple[str, str]]:
    """State on which split checkpoints were chosen, where the trainings' records say so."""
    return [
        ("checkpoints", notice.message) for notice in document.warnings if notice.code == SELECTION
    ]


@dataclass(frozen=True)
class _Protocol:
    name: str = "protocol"
    title: str = "Protocol"
    order: int = 98
    reads: tuple[str, ...] = ()

    def render(self, document: ResultsDocument) -> Markup | None:
        analysis_options = {
            f"{result.name}.{key}": value
            for result in document.analyses
            for key, value in result.options.items()
        }
        return fill(
            "protocol.html",
            command=runnable(document.request.command),
            no_command=no_command(document.models),
            citation=citation(document),
            task=[*task_rows(document.task), *_chosen(document)],
            produced_by=production_rows(document.produced_by, seed=document.request.seed),
            options=option_rows(document.request.options),
            analysis_options=option_rows(analysis_options),
            timings=[(key, show_number(value)) for key, value in document.timings.items()],
            models=model_table(document.models),
            versions=[(result.name, result.version) for result in document.analyses],
        )


SECTION = _Protocol()
