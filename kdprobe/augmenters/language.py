"""A causal language model of a task's texts.

Does: open a pretrained one or build a small GPT-2, read texts as rows of tokens, and fine-tune it
in a plain loop that can be killed at any step and goes on. Does not: sample (`sampling.py`), or
train classifiers (`distillers/` does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.atomic import write_bytes
from kdprobe.augmenters.byte_pairs import train_byte_pairs
from kdprobe.augmenters.pretrained import open_pretrained
from kdprobe.errors import CapabilityError, TrainingError
from kdprobe.models.checkpoint import describe, quiet
from kdprobe.models.shapes import NewShape, parse_student
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator, derive_seed
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_VOCABULARY = 8000
_IGNORED = -100
_SAVES = 10  # checkpoints of a training; a kill costs at most a tenth of it


class Language(NamedTuple):
    """A causal language model with its tokenizer; `fresh`: its weights are random."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fresh: bool


def shape_in(model: str) -> NewShape | None:
    """Read `gpt2:L4,H256,A4,V8000`; None when the words name a folder or a hub id.

    Raises:
        ConfigError: a size that is missing, no number, or does not divide.

    >>> shape_in("gpt2:L2,H64,A2")
    NewShape(layers=2, hidden=64, intermediate=256, heads=2, vocabulary=None)
    >>> shape_in("distilgpt2") is None
    True
    """
    if not model.startswith("gpt2:"):
        return None
    shape = parse_student(f"bert:{model.removeprefix('gpt2:')}", where=f"--model {model}")
    return shape if isinstance(shape, NewShape) else None


def open_language(
    model: str, texts: Sequence[str], *, seed: int, longest: int, offline: bool
) -> Language:
    """Open a causal language model, float32, on the CPU.

    Args:
        model: a folder, a hub id, or a shape, whose tokenizer is trained on the texts.
        texts: the training texts.
        seed: of the random weights of a shape.
        longest: tokens it must be able to read.
        offline: ask no network.

    Raises:
        UsageError: see `shape_in` and `pretrained.open_pretrained`.
        CapabilityError: it reads fewer tokens than `longest`.
    """
    shape = shape_in(model)
    if shape is not None:
        return _built(shape, texts, seed=seed, longest=longest)
    opened = open_pretrained(model, kind="causal", offline=offline)
    limit = getattr(opened.model.config, "max_position_embeddings", None)
    if limit is not None and limit < longest:
        raise CapabilityError(
            f"--model {model}",
            found=f"reads {limit} tokens",
            expected=f"{longest}",
            remedy=f"say --set longest={limit}",
        )
    return Language(*opened, fresh=False)


def _built(shape: NewShape, texts: Sequence[str], *, seed: int, longest: int) -> Language:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = train_byte_pairs(texts, vocabulary=max(shape.vocabulary or _VOCABULARY, 257))
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=longest, n_layer=shape.layers, n_embd=shape.hidden,
        n_head=shape.heads, n_inner=shape.intermediate, bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "augment language_model weights"))
        model = GPT2LMHeadModel(config)
    return Language(model, tokenizer, fresh=True)


def joined(split: Split) -> tuple[str, ...]:
    """Give the texts of a split as one writes them for the model: a pair has a tab between."""
    if split.pairs is None:
        return tuple(" ".join(text.split()) for text in split.texts)
    return tuple(
        f"{' '.join(text.split())}\t{' '.join(pair.split())}"
        for text, pair in zip(split.texts, split.pairs, strict=True)
    )


def token_rows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, longest: int
) -> list[list[int]]:
    """Read texts as token ids with the end of text behind, cut to the longest allowed."""
    with quiet():
        read = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    end = int(tokenizer.eos_token_id)
    return [[*ids, end][:longest] for ids in read if ids]


@dataclass(frozen=True)
class Fit:
    """How the model is fine-tuned.

    Args:
        epochs: passes over the rows.
        batch_size: rows of a step.
        learning_rate: of AdamW at its peak; it rises over the first `warmup` of all steps and then
            falls to 0, both in straight lines.
        weight_decay: of AdamW, on all weights.
        warmup: a share of all steps.
    """

    epochs: float
    batch_size: int = 48
    learning_rate: float = 5e-5
    weight_decay: float = 1e-3
    warmup: float = 0.1

    def steps(self, rows: int) -> int:
        """The number of steps for so many rows."""
        return max(1, int(np.ceil(self.epochs * np.ceil(rows / self.batch_size))))

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0.

        >>> [round(Fit(epochs=1, learning_rate=1.0, warmup=0.2).rate(s, 10), 3) for s in (0, 1, 2)]
        [0.5, 1.0, 1.0]
        """
        rising = max(1, int(np.ceil(self.warmup * steps)))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        return self.learning_rate * (steps - step) / max(1, steps - rising)


def fit_language(
    language: Language,
    rows: Sequence[Sequence[int]],
    fit: Fit,
    *,
    seed: int,
    device: str,
    place: Path,
    progress: Progress,
) -> float:
    """Fine-tune a model on rows of tokens, in place; it ends on the device, in eval mode.

    Order and dropout of a step depend on the seed and its number alone. A tenth of the steps apart
    weights and moments are written to `place`; a call that finds them there goes on from them.

    Returns:
        The mean loss of the last tenth of the steps, nats a token.

    Raises:
        TrainingError: a loss is not finite.
    """
    model = language.model.to(device).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=fit.learning_rate, weight_decay=fit.weight_decay
    )
    steps = fit.steps(len(rows))
    done, mean = _restore(place, model, optimizer)
    each = -(-steps // _SAVES)
    losses: list[float] = []
    with progress.stage("fit the language model", steps) as stage:
        stage.advance(done)
        for step in range(done, steps):
            torch.manual_seed(derive_seed(seed, "augment language_model step", str(step)))
            for group in optimizer.param_groups:
                group["lr"] = fit.rate(step, steps)
            batch = [rows[row] for row in _batch(len(rows), step, fit.batch_size, seed)]
            loss = _loss(model, batch, device)
            if not bool(torch.isfinite(loss)):
                raise TrainingError(
                    "--method language_model",
                    found=f"the loss of step {step + 1} is {loss.item()}",
                    remedy="say --set learning_rate= with a lower one",
                )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            stage.advance(note=f"loss {losses[-1]:.3f}")
            if (step + 1) % each == 0 or step + 1 == steps:
                mean = float(np.mean(losses))
                losses.clear()
                _save(place, model, optimizer, step=step + 1, loss=mean)
    model.eval()
    return mean


def _batch(count: int, step: int, size: int, seed: int) -> NDArray[np.int64]:
    """Give the rows of a step: every row once an epoch, in an order of the epoch's own."""
    epoch, place = divmod(step, -(-count // size))
    order = derive_generator(seed, "augment language_model order", str(epoch)).permutation(count)
    return order[place * size : (place + 1) * size]


def _loss(model: PreTrainedModel, batch: Sequence[Sequence[int]], device: str) -> Tensor:
    """Mean cross-entropy of every token after the first of its row; padding counts nowhere."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    labels = np.full_like(ids, _IGNORED)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = labels[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    inputs = {
        name: torch.from_numpy(array).to(device)
        for name, array in (("input_ids", ids), ("attention_mask", mask))
    }
    logits = model(**inputs).logits[:, :-1]
    wanted = torch.from_numpy(labels[:, 1:]).to(device)
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=_IGNORED
    )


def _moments(model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{name}/{key}": value.detach().cpu().contiguous()
        for name, weight in model.named_parameters()
        for key, value in optimizer.state[weight].items()
    }


def _save(
    place: Path, model: PreTrainedModel, optimizer: torch.optim.Optimizer, *, step: int, loss: float
) -> None:
    from safetensors.torch import save

    held = {n: weight.detach().cpu().contiguous() for n, weight in model.named_parameters()}
    data = save(held | _moments(model, optimizer), metadata={"step": str(step), "loss": repr(loss)})
    write_bytes(place, data)


def _restore(
    place: Path, model: PreTrainedModel, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Take over what a killed run wrote; give the steps it had taken and their last mean loss."""
    if not place.is_file():
        return 0, float("nan")
    from safetensors import safe_open

    with safe_open(place, framework="pt") as held:
        step, loss = int(held.metadata()["step"]), float(held.metadata()["loss"])
        tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    states: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        weight, mark, key = name.rpartition("/")
        if mark:
            states.setdefault(weight, {})[key] = tensor
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(tensors[name])
            optimizer.state[weight] = {
                key: value if key == "step" else value.to(weight.device)
                for key, value in states[name].items()
            }
    return step, loss


def told(language: Language, loss: float) -> Mapping[str, str]:
    """Say which model it is, for people."""
    start = "random weights" if language.fresh else "pretrained weights"
    return {
        "language model": f"{describe(language.model)}, from {start}",
        "its last training loss": f"{loss:.3f} nats a token",
    }
