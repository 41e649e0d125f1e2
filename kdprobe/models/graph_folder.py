"""Folders with an ONNX graph beside config and tokenizer, as Optimum writes them.

Does: choose the graph, match its outputs to the task's labels by the names of its config, and put
it together with its tokenizer. Does not: run it; `graph.py` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdprobe.errors import CheckpointError
from kdprobe.models.checkpoint import Fixed, Loaded, settle_labels, settle_padding
from kdprobe.models.folder import check_folder, fingerprint
from kdprobe.models.folder_kinds import graph_files
from kdprobe.models.graph import GraphClassifier, facts_of, weights_beside
from kdprobe.models.handle import Capability
from kdprobe.models.labels import match_outputs
from kdprobe.models.opening import open_config, open_tokenizer
from kdprobe.models.path_options import PathOptions
from kdprobe.tasks.task import Task

_LACKS: Mapping[Capability, str] = {
    "hidden_states": "an ONNX graph gives logits alone: its layers cannot be read",
    "attentions": "an ONNX graph gives logits alone: its attention cannot be read",
    "embeddings": "an ONNX graph gives logits alone: its word embeddings cannot be read",
    "gradients": "an ONNX graph has no gradients",
}


def load_graph(
    folder: Path,
    path: str,
    *,
    task: Task,
    options: PathOptions,
    label_map: Mapping[str, str] | None = None,
) -> Loaded:
    """Open the graph of a folder for a task.

    Args:
        folder: where it lies.
        path: how a person named it, for messages.
        task: what it must speak of.
        options: `file` names the graph of a folder of several.
        label_map: what the user said of its labels; see `load_classifier`.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        CheckpointError: no such graph, one that gives no logits, or whatever `check_folder` finds.
    """
    file = _graph(folder, path, options.file)
    written = check_folder(folder, kind="graph")
    config = open_config(folder, path)
    settle_labels(config, written, f"{path}: config.json", label_map)
    order = match_outputs(path, config, task, label_map)
    model: Any = GraphClassifier(file, config, path)
    tokenizer = open_tokenizer(folder, path)
    settle_padding(model, tokenizer)
    facts = facts_of(file, path)
    fixed = Fixed(
        "ONNX folder", facts.precision, _LACKS, "onnxruntime", _described(written), facts.parameters
    )
    notes = [f"its graph {file.name} was run by onnxruntime on the CPU"]
    if _wants_types(tokenizer, config) and "token_type_ids" not in model.accepted_inputs:
        notes.append("its graph takes no token_type_ids, which its tokenizer sends")
    return Loaded(
        model, tokenizer, order.columns, (*notes, *order.notes), fixed, _fingerprint(folder, file),
        tuple(weights_beside(file)),
    )  # fmt: skip


def _graph(folder: Path, path: str, named: str) -> Path:
    files = {str(file.relative_to(folder)): file for file in graph_files(folder)}
    chosen = files.get(named) if named else next(iter(files.values()), None)
    if chosen is None:
        raise CheckpointError(
            path, found=f"has no graph {named}", expected=f"one of {', '.join(files) or 'none'}"
        )
    return chosen


def _wants_types(tokenizer: Any, config: Any) -> bool:
    """Return whether a tokenizer tells the texts of a pair apart, and the model has rows for it."""
    sent = "token_type_ids" in tokenizer.model_input_names
    return sent and int(getattr(config, "type_vocab_size", 0) or 0) > 1


def _described(written: Mapping[str, object]) -> str:
    """Return the class that a config names, else its kind; with what stands for it here."""
    names = written.get("architectures")
    named = names[0] if isinstance(names, list) and names else written["model_type"]
    return f"{named}, ONNX graph"


def _fingerprint(folder: Path, file: Path) -> str:
    """Return SHA-256 over config and tokenizer (`folder.fingerprint`) and the graph's files."""
    digest = hashlib.sha256(fingerprint(folder).encode())
    for part in weights_beside(file):
        digest.update(f"\0{part.name}\0{part.stat().st_size}\0".encode())
        with part.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
