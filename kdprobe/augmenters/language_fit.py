"""Fine-tuning a causal language model.

Does: a plain loop over rows of tokens that can be killed at any step and goes on. Does not: train
classifiers (`distillers/` does), or know where the rows come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.atomic import write_bytes
from kdprobe.errors import TrainingError
from kdprobe.progress import Progress
from kdprobe.seeds import derive_generator, derive_seed

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_IGNORED = -100
_SAVES = 10  # checkpoints of a training; a kill costs at most a tenth of it


@dataclass(frozen=True)
class LanguageFit:
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

        >>> fit = LanguageFit(epochs=1, learning_rate=1.0, warmup=0.2)
        >>> [round(fit.rate(step, 10), 3) for step in (0, 1, 2)]
        [0.5, 1.0, 1.0]
        """
        rising = max(1, int(np.ceil(self.warmup * steps)))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        return self.learning_rate * (steps - step) / max(1, steps - rising)


def fit_language(
    model: PreTrainedModel,
    rows: Sequence[Sequence[int]],
    fit: LanguageFit,
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
    model.to(torch.device(device)).train()
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
                    "`method=language_model`",
                    found=f"the loss of step {step + 1} is {loss.item()}",
                    remedy="say `settings=learning_rate=` with a lower one",
                )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
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
    """Return the rows of a step: every row once an epoch, in an order of the epoch's own."""
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
