"""kdprobe: what a distilled text classifier kept of its teacher, and what it lost.

The public names are loaded when they are first used; importing the package loads neither torch nor
transformers and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdprobe.version import __version__

if TYPE_CHECKING:
    from kdprobe.attribution import attribute
    from kdprobe.attribution.result import TextAttribution, TextAttributions
    from kdprobe.augmentation import augment
    from kdprobe.collectors.attribution_maps.options import AttributionMapOptions
    from kdprobe.collectors.attributions.options import AttributionRequest
    from kdprobe.collectors.causal_use.options import CausalUseOptions
    from kdprobe.collectors.minimal_pairs.options import MinimalPairOptions
    from kdprobe.collectors.probes.options import ProbingRequest
    from kdprobe.comparison.compare import compare
    from kdprobe.comparison.diff import diff
    from kdprobe.comparison.diff_result import ReportDiff
    from kdprobe.comparison.from_arrays import compare_predictions
    from kdprobe.comparison.options import AnalysisOptions
    from kdprobe.comparison.result import Comparison, load_results
    from kdprobe.config.options import (
        DataOptions,
        EvaluationDataOptions,
        InferenceRuntime,
        Runtime,
        TrainingDataOptions,
        TrainingOutput,
        TrainingRuntime,
    )
    from kdprobe.config.task import TaskFile
    from kdprobe.config.training import TrainingSettings
    from kdprobe.distillation import distill
    from kdprobe.distillers.training_job import TrainingResult
    from kdprobe.errors import (
        CapabilityError,
        ChangedPlanError,
        CheckpointError,
        ConfigError,
        DataNotFoundError,
        KdprobeError,
        MisalignedError,
        MissingExtraError,
        OutputError,
        ResultsFormatError,
        TaskError,
        TrainingError,
        UnknownNameError,
        UsageError,
    )
    from kdprobe.finetuning import finetune
    from kdprobe.models.model_like import ModelLike, ModelsLike
    from kdprobe.observations.predictions import Predictions
    from kdprobe.results.schema import Estimate, ResultsDocument
    from kdprobe.stats.kappa_range import kappa_range
    from kdprobe.suites_run.result import SuiteRun
    from kdprobe.suites_run.run import run_suite
    from kdprobe.sweeping.run import sweep
    from kdprobe.tasks.open import open_task
    from kdprobe.tasks.open import task_names as list_tasks

__all__ = [
    "AnalysisOptions", "AttributionMapOptions", "AttributionRequest", "CapabilityError",
    "CausalUseOptions",
    "ChangedPlanError", "CheckpointError", "Comparison", "ConfigError", "DataNotFoundError",
    "DataOptions", "Estimate", "EvaluationDataOptions", "InferenceRuntime", "KdprobeError",
    "MinimalPairOptions", "MisalignedError", "MissingExtraError", "ModelLike", "ModelsLike",
    "OutputError", "Predictions", "ProbingRequest", "ReportDiff", "ResultsDocument",
    "ResultsFormatError", "Runtime", "SuiteRun", "TaskError", "TaskFile", "TextAttribution",
    "TextAttributions", "TrainingDataOptions", "TrainingError", "TrainingOutput", "TrainingResult",
    "TrainingRuntime", "TrainingSettings", "UnknownNameError", "UsageError", "__version__",
    "attribute", "augment", "compare", "compare_predictions", "diff", "distill", "finetune",
    "kappa_range", "list_tasks", "load_results", "open_task", "run_suite", "sweep",
]  # fmt: skip

_HOMES = {
    "AnalysisOptions": "comparison.options",
    "AttributionMapOptions": "collectors.attribution_maps.options",
    "AttributionRequest": "collectors.attributions.options",
    "CausalUseOptions": "collectors.causal_use.options",
    "Comparison": "comparison.result",
    "DataOptions": "config.options",
    "Estimate": "results.schema",
    "EvaluationDataOptions": "config.options",
    "InferenceRuntime": "config.options",
    "MinimalPairOptions": "collectors.minimal_pairs.options",
    "ModelLike": "models.model_like",
    "ModelsLike": "models.model_like",
    "Predictions": "observations.predictions",
    "ReportDiff": "comparison.diff_result",
    "ProbingRequest": "collectors.probes.options",
    "ResultsDocument": "results.schema",
    "Runtime": "config.options",
    "SuiteRun": "suites_run.result",
    "TaskFile": "config.task",
    "TextAttribution": "attribution.result",
    "TextAttributions": "attribution.result",
    "TrainingDataOptions": "config.options",
    "TrainingOutput": "config.options",
    "TrainingResult": "distillers.training_job",
    "TrainingRuntime": "config.options",
    "TrainingSettings": "config.training",
    "attribute": "attribution",
    "augment": "augmentation",
    "compare": "comparison.compare",
    "compare_predictions": "comparison.from_arrays",
    "diff": "comparison.diff",
    "distill": "distillation",
    "finetune": "finetuning",
    "kappa_range": "stats.kappa_range",
    "list_tasks": "tasks.open:task_names",
    "load_results": "comparison.result",
    "open_task": "tasks.open",
    "run_suite": "suites_run.run",
    "sweep": "sweeping.run",
}
"""Public name -> its module, and after a colon its name there; what is missing is an error."""


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'kdprobe' has no attribute {name!r}")
    import importlib

    module, _, inner = _HOMES.get(name, "errors").partition(":")
    return getattr(importlib.import_module(f"kdprobe.{module}"), inner or name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
