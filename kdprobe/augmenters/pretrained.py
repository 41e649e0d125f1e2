"""Pretrained language models from folders and the hub, opened so that nothing is quietly wrong.

Does: load a causal or a masked language model with its tokenizer; refuse one whose head is missing,
one of the other kind, and a tokenizer without the token the method lives by. Does not: run it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kdprobe.errors import CapabilityError, CheckpointError
from kdprobe.models.folder import check_folder, locate
from kdprobe.models.opening import open_config, open_model, open_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Kind = Literal["causal", "masked"]
_EXAMPLES = {
    "causal": "a causal language model like gpt2, or a shape like gpt2:L4,H256,A4,V8000",
    "masked": "a masked language model like bert-base-uncased",
}


class PretrainedModel(NamedTuple):
    """A language model with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def find(path: str, *, kind: Kind, offline: bool) -> Path:
    """Return the folder of a model; see `models.folder.locate`.

    Raises:
        CheckpointError: there is none; the message tells what would do.
    """
    try:
        return locate(path, offline=offline)
    except CheckpointError as error:
        raise CheckpointError(
            f"`model={path}`", found=error.found, expected=f"the folder or hub id of "
            f"{_EXAMPLES[kind]}",
            remedy=error.remedy,
        ) from error  # fmt: skip


def open_pretrained(path: str, *, kind: Kind, offline: bool) -> PretrainedModel:
    """Open a language model, float32, on the CPU, in eval mode.

    Raises:
        CheckpointError: a folder that cannot be opened safely, or holds no such model.
        CapabilityError: its tokenizer has no end of text (causal) or no mask (masked).
    """
    folder = find(path, kind=kind, offline=offline)
    check_folder(folder)
    model, tokenizer, missing = _load(folder, path, kind)
    decoder = bool(getattr(model.config, "is_decoder", False))
    if missing:
        raise CheckpointError(
            f"`model={path}`",
            found=f"the folder holds no weights for {', '.join(sorted(missing)[:3])}",
            expected=_EXAMPLES[kind],
        )
    if kind == "causal" and tokenizer.mask_token is not None and not decoder:
        raise CheckpointError(
            f"`model={path}`",
            found="reads texts in both directions, so it cannot write them word by word",
            expected=_EXAMPLES[kind],
        )
    token = tokenizer.eos_token if kind == "causal" else tokenizer.mask_token
    if token is None:
        lacking = "end of text" if kind == "causal" else "mask token"
        raise CapabilityError(f"`model={path}`", found=f"its tokenizer has no {lacking}")
    return PretrainedModel(model.eval(), tokenizer)


def _load(
    folder: Path, path: str, kind: Kind
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, frozenset[str]]:
    """Load both and name the weights that the folder does not hold."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    auto: Any = AutoModelForCausalLM if kind == "causal" else AutoModelForMaskedLM
    where = f"`model={path}`"
    tokenizer = open_tokenizer(folder, where)
    opened = open_model(auto, folder, where, open_config(folder, where), expected=_EXAMPLES[kind])
    return opened.model, tokenizer, opened.missing
