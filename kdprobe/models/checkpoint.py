"""Sequence classifiers from `transformers` folders, opened so that nothing is quietly wrong.

Does: load a classifier for a task with its tokenizer; match its outputs to the task's labels by
name; refuse an untrained head, a head of another task, unknown label names, a tokenizer that is not
the model's, and weights that are not finite. Does not: run the model; `hf.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from kdprobe.errors import CheckpointError
from kdprobe.models.embedding_table import embedding_table
from kdprobe.models.folder import check_folder, fingerprint, has_tokenizer, locate
from kdprobe.models.folder_kinds import kind_of_folder
from kdprobe.models.handle import Capability
from kdprobe.models.label_names import label_names, numbered_names
from kdprobe.models.labels import POSITIONAL, PROBLEM_TYPES, LabelOrder, match_outputs
from kdprobe.models.opening import OpenedModel, open_config, open_model, open_tokenizer, quiet
from kdprobe.models.path_options import NO_OPTIONS
from kdprobe.models.weights import weight_files
from kdprobe.results.schema import ModelSource
from kdprobe.tasks.task import Task

__all__ = ["Loaded", "describe", "fingerprint", "load_classifier", "quiet"]


class Fixed(NamedTuple):
    """What is to be known of a model that runs only as it was opened.

    Args:
        source: what kind of thing was opened.
        precision: the numbers it is computed in: `float32`, `int8`, …
        lacks: what it cannot be asked for, each with the reason.
        package: what computes it, beside torch.
        architecture: for people; empty: `describe` tells.
        parameters: their number, where it cannot be counted in the model.
    """

    source: ModelSource
    precision: str
    lacks: Mapping[Capability, str]
    package: str
    architecture: str = ""
    parameters: int | None = None


class Loaded(NamedTuple):
    """A classifier that speaks of a task.

    `columns[i]` is the column of the model's logits that speaks of label i of the task (`(0,)` for
    a regression); `notes` is what the reader of the report must know; `fixed` is None for weights
    that may be moved to another device and type; `fingerprint` is empty where `folder.fingerprint`
    of its folder names all that it is made of; `files` hold its weights, none of a model in memory.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    columns: tuple[int, ...]
    notes: tuple[str, ...]
    fixed: Fixed | None = None
    fingerprint: str = ""
    files: tuple[Path, ...] = ()


def load_classifier(
    path: str,
    *,
    task: Task,
    new_head: bool = False,
    offline: bool = True,
    label_map: Mapping[str, str] | None = None,
    attention: str | None = None,
    base: str = "",
) -> Loaded:
    """Open a sequence classifier for a task, float32, on the CPU, in eval mode.

    Args:
        path: a folder or a hub id.
        task: what it must speak of.
        new_head: True gives any encoder a fresh head (drawn from torch's global generator) with
            the task's labels; False demands a head that was trained for them.
        offline: True asks the network nothing.
        label_map: the model's label name -> the task's label name, where names differ;
            `labels.POSITIONAL` when the outputs are said to be in the task's order. A model
            whose names already match is not touched by a map that speaks of other names.
        attention: the attention implementation (`eager`, `sdpa`); None: transformers' choice.
        base: of an adapter, where the model lies that it was trained on; empty: where it says.

    Raises:
        CheckpointError: anything that would make its numbers mean something else; the message says
            where, what was found, what was expected and what to do.
    """
    folder = locate(path, offline=offline)
    if not new_head and kind_of_folder(folder, NO_OPTIONS) == "adapter":
        return _load_adapter(folder, path, task, base, offline=offline, label_map=label_map)
    written = check_folder(folder)
    config = open_config(folder, path)
    if new_head:
        _with_labels(config, task)
    else:
        settle_labels(config, written, f"{path}: config.json", label_map)
    opened = open_model(
        AutoModelForSequenceClassification,
        folder,
        path,
        config,
        expected="an encoder that transformers knows for sequence classification",
        attention=attention,
    )
    model = opened.model
    if new_head:
        order = LabelOrder(tuple(range(task.outputs)), ())
        if not opened.missing >= _head_weights(model):
            model = _with_fresh_head(model)
    else:
        refuse_untrained(path, opened)
        order = match_outputs(path, config, task, label_map)
    loaded = with_tokenizer(path, model, open_tokenizer(folder, path), order, opened.notes)
    return loaded._replace(files=tuple(weight_files(folder)))


def _load_adapter(
    folder: Path,
    path: str,
    task: Task,
    base: str,
    *,
    offline: bool,
    label_map: Mapping[str, str] | None,
) -> Loaded:
    """Open an adapter with its base; its tokenizer is its own where it has one, else the base's."""
    from kdprobe.models.adapters import open_adapter

    merged = open_adapter(folder, path, base=base, offline=offline)
    config = merged.opened.model.config
    settle_labels(config, merged.written, f"{path}: config.json", label_map)
    order = match_outputs(path, config, task, label_map)
    words = folder if has_tokenizer(folder) else merged.base
    loaded = with_tokenizer(
        path, merged.opened.model, open_tokenizer(words, path), order, merged.opened.notes
    )
    return loaded._replace(fingerprint=merged.fingerprint, files=merged.files)


def with_tokenizer(
    path: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    order: LabelOrder,
    notes: tuple[str, ...] = (),
) -> Loaded:
    """Put a classifier and its tokenizer together, in eval mode, its padding token settled.

    Raises:
        CheckpointError: the tokenizer is another model's, or a weight is not finite.
    """
    _check_tokenizer(path, model, tokenizer)
    settle_padding(model, tokenizer)
    _check_finite_weights(path, model)
    return Loaded(model.eval(), tokenizer, order.columns, (*notes, *order.notes))


def describe(model: PreTrainedModel) -> str:
    """Return a model's shape in words: `BertForSequenceClassification, 6 layers, 384 wide, 12 heads`.

    A part that the architecture does not name is left out.
    """  # noqa: E501 (one sentence)
    parts = [type(model).__name__]
    for key, word in (
        ("num_hidden_layers", "layer{}"),
        ("hidden_size", "wide"),
        ("num_attention_heads", "head{}"),
    ):
        value = getattr(model.config, key, None)
        if isinstance(value, int):
            parts.append(f"{value} {word.format('' if value == 1 else 's')}")
    return ", ".join(parts)


def _with_labels(config: Any, task: Task) -> None:
    """Make a config speak of a task: its number of outputs and their names."""
    config.num_labels = task.outputs
    config.problem_type = PROBLEM_TYPES[task.kind]
    if task.labels:
        config.id2label = dict(enumerate(task.labels))
        config.label2id = {label: index for index, label in enumerate(task.labels)}


def settle_labels(
    config: Any, written: Mapping[str, object], where: str, label_map: Mapping[str, str] | None
) -> None:
    """Refuse labels that are not numbered as outputs are, unless the user says their order.

    Raises:
        CheckpointError: see `label_names`.
    """
    if dict(label_map or {}) == dict(POSITIONAL):
        names = tuple(numbered_names(written, where=where).values())
    else:
        names = label_names(written, where=where)
    if names:
        config.id2label = dict(enumerate(names))
        config.label2id = {name: index for index, name in enumerate(names)}


def _head_weights(model: PreTrainedModel) -> set[str]:
    body = model.base_model_prefix + "."
    return {name for name, _ in model.named_parameters() if not name.startswith(body)}


def _with_fresh_head(model: PreTrainedModel) -> PreTrainedModel:
    """Return a model of the same encoder weights whose head has been trained for nothing."""
    fresh = AutoModelForSequenceClassification.from_config(model.config, dtype=torch.float32)
    fresh.base_model.load_state_dict(model.base_model.state_dict())
    return fresh


def refuse_untrained(path: str, opened: OpenedModel) -> None:
    """Refuse a model of which weights are missing or have another shape than its config says.

    Raises:
        CheckpointError: there are some; of a head, it was never trained for the task.
    """
    lacking = sorted(opened.missing)
    config = opened.model.config
    for name in lacking:
        held = opened.reshaped.get(name)
        if held is not None and held[0] != config.num_labels:
            names = ", ".join(str(config.id2label[i]) for i in range(min(5, config.num_labels)))
            raise CheckpointError(
                f"{path}: config.json",
                found=f"names {config.num_labels} labels ({names}), and the head {name} has "
                f"{held[0]} outputs",
                expected="a name for each output",
                remedy="correct id2label and label2id",
            )
    if lacking:
        raise CheckpointError(
            path,
            found=f"untrained head: the folder holds no weights for {', '.join(lacking[:3])}",
            expected="a classifier that was trained for the task",
            remedy="train one with `kdprobe finetune` first",
        )


def _check_tokenizer(path: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    rows = _embedded_rows(model)
    highest = max(tokenizer.get_vocab().values(), default=0)
    if rows is not None and max(len(tokenizer) - 1, highest) >= rows:
        numbered = f", numbered up to {highest}," if highest >= len(tokenizer) else ""
        raise CheckpointError(
            path,
            found=f"its tokenizer has {len(tokenizer)} tokens{numbered} and its model embeds only "
            f"{rows}",
            expected="a tokenizer of the same model",
            remedy="copy the tokenizer of the model it was trained from into the folder",
        )


def _embedded_rows(model: PreTrainedModel) -> int | None:
    """Return the rows of the word embeddings; None for a model that has no table of them."""
    rows = getattr(embedding_table(model), "num_embeddings", None)
    return rows if isinstance(rows, int) else None


def settle_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Set a model's tokenizer's padding token, where its config names none that it has.

    The head of a decoder looks for the last token that is not padding and refuses batches without.
    """
    held, given = getattr(model.config, "pad_token_id", None), tokenizer.pad_token_id
    usable = isinstance(held, int) and 0 <= held < (_embedded_rows(model) or held + 1)
    if not usable and given is not None:
        model.config.pad_token_id = int(given)


def _check_finite_weights(path: str, model: PreTrainedModel) -> None:
    for name, weight in model.named_parameters():
        plain = type(weight.data) is torch.Tensor  # what packages pack, they check themselves
        if plain and not bool(torch.isfinite(weight).all()):
            raise CheckpointError(
                path,
                found=f"the weight {name} holds NaN or infinity",
                expected="finite numbers",
                remedy="its training went wrong; train it again, with a lower learning rate or "
                "without fp16",
            )
