"""Sequence classifiers from `transformers` folders, opened so that nothing is quietly wrong.

Does: load a classifier for a task with its tokenizer; match its outputs to the task's labels by
name; refuse an untrained head, a head of another task, unknown label names, a tokenizer that is not
the model's, and weights that are not finite. Does not: run the model; `hf.py` does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

import kdprobe.models.bilstm  # noqa: F401 (registers the BiLSTM with transformers)
from kdprobe.errors import CheckpointError
from kdprobe.models.folder import check_folder, fingerprint, first_line, locate
from kdprobe.models.labels import LabelOrder, match_outputs
from kdprobe.tasks.task import Task

__all__ = ["Loaded", "describe", "fingerprint", "load_classifier", "quiet"]


class Loaded(NamedTuple):
    """A classifier that speaks of a task.

    `columns[i]` is the column of the model's logits that speaks of label i of the task (`(0,)` for
    a regression); `notes` is what the reader of the report must know.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    columns: tuple[int, ...]
    notes: tuple[str, ...]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' log lines and bars off the terminal, and restore its settings after."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def load_classifier(
    path: str,
    *,
    task: Task,
    new_head: bool = False,
    offline: bool = True,
    label_map: Mapping[str, str] | None = None,
    attention: str | None = None,
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

    Raises:
        CheckpointError: anything that would make its numbers mean something else; the message says
            where, what was found, what was expected and what to do.
    """
    folder = locate(path, offline=offline)
    check_folder(folder)
    with quiet():
        model, missing = _load_model(folder, path, task, new_head=new_head, attention=attention)
        tokenizer = _load_tokenizer(folder, path)
    if new_head:
        order = LabelOrder(tuple(range(task.outputs)), ())
    else:
        _refuse_untrained(path, missing)
        order = match_outputs(path, model.config, task, label_map)
    _check_tokenizer(path, model, tokenizer)
    settle_padding(model, tokenizer)
    _check_finite_weights(path, model)
    return Loaded(model.eval(), tokenizer, order.columns, order.notes)


def describe(model: PreTrainedModel) -> str:
    """Say a model's shape for people: `BertForSequenceClassification, 6 layers, 384 wide, 12 heads`.

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


def _load_model(
    folder: Path, path: str, task: Task, *, new_head: bool, attention: str | None
) -> tuple[PreTrainedModel, set[str]]:
    """Load the model and give it with the names of the weights its folder does not hold."""
    config = _load_config(folder, path)
    if new_head:
        config.num_labels = task.outputs
        config.problem_type = (
            "regression" if task.kind == "regression" else "single_label_classification"
        )
        if task.labels:
            config.id2label = dict(enumerate(task.labels))
            config.label2id = {label: index for index, label in enumerate(task.labels)}
    settings: dict[str, Any] = {"attn_implementation": attention} if attention else {}
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            **settings,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise CheckpointError(
            path,
            found=f"cannot be opened as a text classifier ({first_line(error)})",
            expected="an encoder that transformers knows for sequence classification",
        ) from error
    missing = set(info["missing_keys"])
    mismatched = {key: (held, wanted) for key, held, wanted in info["mismatched_keys"]}
    body = model.base_model_prefix + "."
    for key in sorted(missing | set(mismatched)):
        if key.startswith(body) and ".pooler." not in key:
            found = f"the weight {key} is missing"
            if key in mismatched:
                held, wanted = mismatched[key]
                found = f"the weight {key} has shape {tuple(held)}, its config says {tuple(wanted)}"
            raise CheckpointError(
                path,
                found=found,
                expected="the weights of the model that config.json describes",
                remedy="copy or download the folder again; was config.json changed by hand?",
            )
    if new_head and not missing >= _head_weights(model):
        model = _with_fresh_head(model)
    return model, missing | set(mismatched)


def _load_config(folder: Path, path: str) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{path}: config.json",
            found=f"is not understood ({first_line(error)})",
            expected="a model type that this version of transformers knows",
            remedy="a newer transformers may know it",
        ) from error


def _head_weights(model: PreTrainedModel) -> set[str]:
    body = model.base_model_prefix + "."
    return {name for name, _ in model.named_parameters() if not name.startswith(body)}


def _with_fresh_head(model: PreTrainedModel) -> PreTrainedModel:
    """Give a model of the same encoder weights whose head has been trained for nothing."""
    fresh = AutoModelForSequenceClassification.from_config(model.config, dtype=torch.float32)
    fresh.base_model.load_state_dict(model.base_model.state_dict())
    return fresh


def _refuse_untrained(path: str, missing: set[str]) -> None:
    lacking = sorted(missing)
    if lacking:
        raise CheckpointError(
            path,
            found=f"untrained head: the folder holds no weights for {', '.join(lacking[:3])}",
            expected="a classifier that was trained for the task",
            remedy="train one with `kdprobe finetune` first",
        )


def _load_tokenizer(folder: Path, path: str) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the Rust tokenizers raise plain Exception for a damaged file
        raise CheckpointError(
            path,
            found=f"its tokenizer files cannot be read ({first_line(error)})",
            expected="those that save_pretrained writes",
            remedy="copy or download the folder again",
        ) from error


def _check_tokenizer(path: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    rows = _embedded_rows(model)
    if rows is not None and len(tokenizer) > rows:
        raise CheckpointError(
            path,
            found=f"its tokenizer has {len(tokenizer)} tokens and its model embeds only {rows}",
            expected="a tokenizer of the same model",
            remedy="copy the tokenizer of the model it was trained from into the folder",
        )


def _embedded_rows(model: PreTrainedModel) -> int | None:
    """Give the rows of the word embeddings; None for a model that has no table of them."""
    try:
        table = model.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        return None
    rows = getattr(table, "num_embeddings", None)
    return rows if isinstance(rows, int) else None


def settle_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Tell a model its tokenizer's padding token, where its config names none that it has.

    The head of a decoder looks for the last token that is not padding and refuses batches without.
    """
    held, given = getattr(model.config, "pad_token_id", None), tokenizer.pad_token_id
    usable = isinstance(held, int) and 0 <= held < (_embedded_rows(model) or held + 1)
    if not usable and given is not None:
        model.config.pad_token_id = int(given)


def _check_finite_weights(path: str, model: PreTrainedModel) -> None:
    for name, weight in model.named_parameters():
        if not bool(torch.isfinite(weight).all()):
            raise CheckpointError(
                path,
                found=f"the weight {name} holds NaN or infinity",
                expected="finite numbers",
                remedy="its training went wrong; train it again, with a lower learning rate or "
                "without fp16",
            )
