"""One way to open whatever a person names as a model.

Does: choose between a `transformers` folder or hub id and a predictions file by what stands there.
Does not: either of the two itself. Loads torch only for the first.
"""

from __future__ import annotations

from collections.abc import Mapping

from kdprobe.errors import CheckpointError
from kdprobe.models.handle import ModelHandle
from kdprobe.models.predictions.file import PredictionsFile, is_predictions_file
from kdprobe.plain_files import expanded
from kdprobe.tasks.task import Task


def open_model(
    path: str,
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
        path: a predictions file (.tsv .csv .jsonl .parquet), a model folder, or a hub id.
        name: the name people gave it.
        task: what it must speak of.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; of no matter for a file.
        dtype: `float32` or `bf16`; of no matter for a file.
        offline: True asks the network nothing.
        label_map: what the user said of label names; see `load_classifier`.

    Raises:
        UsageError: whatever makes it unusable; one message.
    """
    if is_predictions_file(path):
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
    )
