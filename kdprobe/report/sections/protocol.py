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
from kdprobe.results.numbers import show_count, show_number
from kdprobe.results.schema import ModelInfo, ProducedBy, ResultsDocument, TaskInfo


def option_rows(options: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """Write options for a reader."""
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in sorted(options.items())
    ]


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
        ("created", produced_by.created or "–"),
        ("seed", str(seed)),
    ]
    return [*items, *sorted(produced_by.packages.items())]


def no_command(models: Sequence[ModelInfo]) -> str:
    """Return why there is no command that makes a comparison again."""
    memory = [one for one in models if one.source not in ("transformers", "predictions file")]
    if not memory:
        return "Called from Python: no command was typed."
    named = ", ".join(f"{one.name} ({one.folder})" for one in memory)
    return f"Called from Python with models in memory, which no command makes again: {named}."


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
            request=document.request,
            no_command=no_command(document.models),
            task=task_rows(document.task),
            produced_by=production_rows(document.produced_by, seed=document.request.seed),
            options=option_rows(document.request.options),
            analysis_options=option_rows(analysis_options),
            timings=[(key, show_number(value)) for key, value in document.timings.items()],
            models=document.models,
            versions=[(result.name, result.version) for result in document.analyses],
        )


SECTION = _Protocol()
