"""What is shown and recorded of a training before its first step.

Does: describe a `TrainingJob` as rows of names and values, its number format and its settings. Does
not: train or write anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdprobe.distillers.precision import price_of
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.models.checkpoint import describe
from kdprobe.models.mixed_precision import SMALL_WEIGHT, products
from kdprobe.models.reparametrised_embeddings import folded_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def parameter_count(model: PreTrainedModel) -> int:
    """Count a model's parameters as it is saved, shared ones once."""
    return folded_size(model)


def job_facts(job: TrainingJob) -> list[tuple[str, str]]:
    """Return what will be done as names and values, for the preflight."""
    settings = job.settings
    terms = (f"{term.weight:g} x {term.name}" for term in job.weighted_loss.terms)
    return [
        ("student", describe(job.student)),
        ("student's parameters", f"{parameter_count(job.student):,}"),
        ("learns from", " + ".join(terms)),
        (
            "steps",
            f"{job.steps:,} of {settings.batch_size * settings.gradient_accumulation} examples "
            f"({settings.epochs:g} epochs), scored every {job.evaluate_every:,}",
        ),
        ("best checkpoint", f"by {_rule(job)}"),
        ("computes in", precision_of(job)),
        *(("bfloat16", note) for note in precision_notes(job)),
        *_truncations(job),
    ]


def _rule(job: TrainingJob) -> str:
    rule = job.settings.best_by
    return job.split.task.primary_score if rule == "score" else rule


def precision_of(job: TrainingJob) -> str:
    """Return the device and the number format, for people."""
    compute = job.compute
    threads = f", {compute.threads} threads" if compute.device == "cpu" else ""
    return f"{compute.precision} on {compute.device}{threads}"


def precision_notes(job: TrainingJob) -> tuple[str, ...]:
    """Return which products of this student run in bfloat16, and their cost; empty in float32."""
    if not job.compute.bf16:
        return ()
    large, every = products(job.student)
    products_note = (
        f"{large} of its {every} weight matrices, those of {SMALL_WEIGHT:,} elements or more, were "
        "multiplied in bfloat16, all else in float32"
    )
    if not large:
        return (f"{products_note}: `bf16` changed nothing",)
    architecture = str(job.student.config.model_type).removeprefix("kdprobe_")
    return (products_note, f"the price of bfloat16: {price_of(architecture)}")


def _truncations(job: TrainingJob) -> list[tuple[str, str]]:
    cut = job.encoded.truncated + job.evaluation.encoded.truncated
    if not cut:
        return []
    return [("too long", f"{cut:,} examples are read in part only, up to the longest allowed")]


def settings_rows(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as text; what is not set is left out."""
    return {name: f"{value}" for name, value in settings.items() if value is not None}
