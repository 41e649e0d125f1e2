"""What a finished training writes down for programs, and reads again.

Does: turn a result into the record and the history of a model folder, and back. Does not: write
weights.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from kdprobe.distillers.model_card import CardFacts
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import OutputError
from kdprobe.plain_files import read_json
from kdprobe.portable import portable_tree
from kdprobe.version import __version__

HISTORY = "history.json"
_AS_WRITTEN = (
    "task", "eval_split", "scores", "undefined", "best_step", "steps", "seconds",
    "initial_weights", "examples_order",
)  # fmt: skip
_PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy")


def record_of(result: TrainingResult, plan: Mapping[str, Any], card: CardFacts) -> dict[str, Any]:
    """Everything about a training that a program may want to read again."""
    role = {"role": "control", "control_of": dict(card.control_of)} if card.control_of else {}
    return {
        "record_version": 1,
        "produced_by": {
            "kdprobe": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        "kind": card.kind,
        **role,
        "plan": portable_tree(dict(plan)),
        **{name: getattr(result, name) for name in _AS_WRITTEN},
        "seconds": round(result.seconds, 3),
        "precision": card.precision,
        "preflight": {
            "facts": [list(fact) for fact in result.preflight.facts],
            "layer_map": [list(row) for row in result.preflight.layer_map],
            "notes": list(result.preflight.notes),
        },
        "notes": list(result.notes),
    }


def result_of(output: Path, record: Mapping[str, Any]) -> TrainingResult:
    """Return the result of a finished run from its record."""
    preflight = record["preflight"]
    history = read_json(output / HISTORY, error=OutputError)
    return TrainingResult(
        folder=output,
        **{name: record[name] for name in _AS_WRITTEN if name in record},
        history=tuple(history),
        preflight=Preflight(
            facts=tuple((name, value) for name, value in preflight["facts"]),
            layer_map=tuple((s, t, how) for s, t, how in preflight["layer_map"]),
            notes=tuple(preflight["notes"]),
        ),
        notes=tuple(record["notes"]),
    )
