"""The numbers of a comparison in a model's card, as the hub reads them (`model-index`).

Does: find the model of a folder among those compared, make an `EvalResult` of each of its numbers,
and put them into a card with the hub library's own writer. Does not: write into a folder by itself,
or speak to the hub.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdprobe.errors import ConfigError
from kdprobe.models.folder import fingerprint
from kdprobe.results.schema import Estimate, Metric, ModelInfo, ResultsDocument

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_TYPES = {"mcc": "matthews_correlation", "pearson": "pearsonr", "spearman": "spearmanr"}
"""Our names of scores -> those under which the hub knows them."""
_OWN = (
    ("task_scores", ""), ("task_scores", "accuracy"), ("calibration", "calibration_error"),
)  # fmt: skip
_WITH_TEACHER = (
    ("agreement", "agreement"), ("agreement", "cohens_kappa"), ("agreement", "kl"),
    ("confidence", "pearson"), ("attribution_agreement", "normalised"),
)  # fmt: skip
_WORD = "kdprobe"


def model_of(document: ResultsDocument, folder: Path) -> ModelInfo:
    """Return the compared model that lies in a folder, told by its fingerprint.

    Raises:
        CheckpointError: the folder holds no model.
        ConfigError: it was not compared.
    """
    held = fingerprint(folder)[:16]
    for model in document.models:
        if held in model.fingerprint.split(", "):
            return model
    raise ConfigError(
        str(folder), found="its model is none of those that the report is about",
        expected=", ".join(f"{one.name} ({one.folder})" for one in document.models),
        remedy="was it trained anew since? Compare it again",
    )  # fmt: skip


def eval_results(document: ResultsDocument, model: ModelInfo) -> list[EvalResult]:
    """Return the numbers of one model as rows for its card; undefined ones are left out.

    The task's score and accuracy, the calibration error, and of a student its agreement, kappa and
    KL with the teacher, each with the ends of its 95 % interval and its n as `args`.
    """
    from huggingface_hub import EvalResult

    task, options = document.task, document.request.options
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=task.name,
            dataset_name=task.name,
            dataset_split=task.split,
            metric_type=_TYPES.get(metric.name, metric.name),
            metric_value=number.value,
            metric_name=_shown(document, metric, number),
            metric_args=_args(number, model, options.get("limit")),
        )
        for metric, number in _numbers(document, model)
    ]


def _numbers(document: ResultsDocument, model: ModelInfo) -> Iterator[tuple[Metric, Estimate]]:
    teacher = document.teacher.name
    wanted = [(analysis, metric or document.task.primary_score, model.name, "")
              for analysis, metric in _OWN]  # fmt: skip
    if model.name != teacher:
        wanted += [(analysis, metric, teacher, model.name) for analysis, metric in _WITH_TEACHER]
    for analysis, name, a, b in dict.fromkeys(wanted):
        number, result = document.find(analysis, name, a, b), document.analysis(analysis)
        if number is not None and number.value is not None and result is not None:
            yield next(metric for metric in result.metrics if metric.name == name), number


def _shown(document: ResultsDocument, metric: Metric, number: Estimate) -> str:
    label = metric.label[:1].upper() + metric.label[1:]
    return f"{label} with the teacher {document.teacher.folder}" if number.model_b else label


def _args(number: Estimate, model: ModelInfo, limit: object) -> dict[str, Any]:
    """Return what a number is to be read with."""
    args: dict[str, Any] = {} if number.n is None else {"n": number.n}
    if number.low is not None and number.high is not None:
        args |= {"ci_low": round(number.low, 6), "ci_high": round(number.high, 6)}
    args |= {"seeds": model.runs} if model.runs > 1 else {}
    return args | ({"limit": limit} if limit is not None else {})


def with_results(card: str, name: str, results: Sequence[EvalResult]) -> str:
    """Return a card with these rows, in the place of older ones of the same numbers.

    Args:
        card: the README.md; empty: there is none.
        name: the model's name.
        results: see `eval_results`.
    """
    from huggingface_hub import ModelCard

    plain = f"---\nlibrary_name: transformers\ntags:\n- {_WORD}\n---\n\n# {name}\n"
    held = ModelCard(card or plain)
    data: Any = held.data  # a ModelCardData, which the library's types do not say
    kept = [
        old
        for old in data.eval_results or []
        if not any(old.unique_identifier == new.unique_identifier
                   and old.metric_type == new.metric_type for new in results)
    ]  # fmt: skip
    data.model_name = data.model_name or name
    data.eval_results = [*kept, *results]
    return str(held)
