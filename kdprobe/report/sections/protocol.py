"""The protocol card: every choice made, and how to make the document again.

Does: list the command, options, versions, seeds, fingerprints and times. Does not: show full paths;
the document holds folder names only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from pydantic import JsonValue

from kdprobe.report.markup import fill
from kdprobe.results.numbers import show_count, show_number
from kdprobe.results.schema import ResultsDocument


def _options(options: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in sorted(options.items())
    ]


def _task(document: ResultsDocument) -> list[tuple[str, str]]:
    task = document.task
    counts = ", ".join(f"{label} {show_count(n)}" for label, n in sorted(task.label_counts.items()))
    return [
        ("name", f"{task.name}, version {task.version}"),
        ("kind", task.kind),
        ("split", f"{task.split}, n = {show_count(task.n)}"),
        ("primary score", task.primary_score),
        ("labels", counts or ", ".join(task.labels) or "–"),
        ("fingerprint", task.fingerprint[:16]),
        ("citation", task.citation or "–"),
    ]


def _made(document: ResultsDocument) -> list[tuple[str, str]]:
    made = document.produced_by
    items = [
        ("kdprobe", made.kdprobe),
        ("Python", made.python),
        ("platform", made.platform),
        ("device", made.device or "–"),
        ("dtype", made.dtype or "–"),
        ("threads", "–" if made.threads is None else str(made.threads)),
        ("created", made.created or "–"),
        ("seed", str(document.request.seed)),
    ]
    return [*items, *sorted(made.packages.items())]


@dataclass(frozen=True)
class _Protocol:
    name: str = "protocol"
    title: str = "Protocol"
    order: int = 100
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
            task=_task(document),
            made=_made(document),
            options=_options(document.request.options),
            analysis_options=_options(analysis_options),
            timings=[(key, show_number(value)) for key, value in document.timings.items()],
            models=document.models,
            versions=[(result.name, result.version) for result in document.analyses],
        )


SECTION = _Protocol()
