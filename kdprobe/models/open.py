"""One way to open whatever a person names, or hands over, as a model.

Does: choose between a `transformers` folder or hub id, a predictions file, and the kinds of
objects. Does not: any of them itself. Loads torch only for those that need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdprobe.errors import CheckpointError
from kdprobe.models.handle import ModelHandle
from kdprobe.models.model_like import kind_of
from kdprobe.models.path_options import options_of, refuse_options
from kdprobe.models.predictions.file import PredictionsFile, is_predictions_file
from kdprobe.models.predictions.given import GivenPredictions
from kdprobe.models.text_function import TextFunction
from kdprobe.plain_files import expanded
from kdprobe.tasks.task import Task


def open_model(
    given: Any,
    *,
    name: str,
    task: Task,
    device: str = "auto",
    dtype: str = "float32",
    offline: bool = True,
    label_map: Mapping[str, str] | None = None,
) -> ModelHandle:
    """Open a model for a task.

    Args:
        given: a predictions file (.tsv .csv .jsonl .parquet), a model folder, a hub id, or another
            `model_like.ModelLike`; a `ModelPath` brings options of its own.
        name: the name people gave it.
        task: what it must speak of.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; of no matter for a file.
        dtype: `float32` or `bf16`; of no matter for a file.
        offline: True asks the network nothing.
        label_map: what the user said of label names; see `load_classifier`.

    Raises:
        UsageError: whatever makes it unusable; one message.
    """
    kind = kind_of(given)
    if kind == "predictions":
        return GivenPredictions(given, name=name, task=task)
    if kind == "function":
        return TextFunction(given, name=name, task=task, label_map=label_map)
    if kind == "loaded model":
        from kdprobe.models.loaded import open_loaded

        return open_loaded(
            given, name=name, task=task, device=device, dtype=dtype, label_map=label_map
        )
    path, options = str(given), options_of(given)
    if is_predictions_file(path):
        refuse_options(path, options, what="a predictions file")
        if not expanded(path).exists():
            raise CheckpointError(
                path, found="no such file", expected="a predictions file or a model folder"
            )
        return PredictionsFile(path, name=name, task=task, label_map=label_map)
    from kdprobe.models.hf import open_hf

    return open_hf(
        path,
        name=name,
        task=task,
        device=device,
        dtype=dtype,
        offline=offline,
        label_map=label_map,
        options=options,
    )
