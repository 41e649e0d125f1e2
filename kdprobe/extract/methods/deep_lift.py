"""DeepLIFT at the word embeddings, by captum: two passes a text, against a baseline.

Does: the rescale rule at the modules captum knows (ReLU, Tanh, Sigmoid, Softplus, ELU). Does not:
treat functions that are no such modules (GELU, softmax of attention) other than by their gradient,
so that on most encoders the scores do not add up; the completeness gap says by how much.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Output
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.extract.methods._gradients import Baseline, Pooling, add_up, batches, forward
from kdprobe.models.handle import Capability
from kdprobe.models.reader import Reader


class DeepLiftOptions(Options):
    """`baseline`: what stands for nothing; `pooling`: how tokens become words."""

    baseline: Baseline = "pad"
    pooling: Pooling = "sum"


class _Explained(torch.nn.Module):
    """The model as a module of word vectors: captum hooks its parts."""

    def __init__(self, reader: Reader, names: Sequence[str], output: Output) -> None:
        super().__init__()
        self.model = reader.model
        self._call = forward(reader, names, output)

    def forward(self, vectors: Tensor, target: Tensor, *inputs: Tensor) -> Any:
        # captum wants a column of outputs to pick its only one from.
        return self._call(vectors, target, *inputs)[:, None]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        # captum tells at every call that it sets hooks and takes them off again.
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        yield


def _deep_lift() -> Any:
    """Return captum's DeepLIFT, but for its own rule for softmax modules.

    That rule takes the mean over all elements of the batch off each gradient, so that a text's
    scores would depend on the texts beside it; only a few architectures (SqueezeBERT) have softmax
    as a module, the others as a function, which is passed by its gradient. So are these then.
    """
    from captum.attr import DeepLift as CaptumDeepLift

    class ByGradient(CaptumDeepLift):  # type: ignore[misc]
        def _can_register_hook(self, module: torch.nn.Module) -> bool:
            return not isinstance(module, torch.nn.Softmax) and bool(
                super()._can_register_hook(module)
            )

    return ByGradient


@dataclass(frozen=True)
class DeepLift:
    """DeepLIFT, rescale rule (Shrikumar, Greenside and Kundaje 2017)."""

    name: str = "deep_lift"
    version: int = 2
    needs: frozenset[Capability] = frozenset({"logits", "gradients"})
    options: type[DeepLiftOptions] = DeepLiftOptions

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: Reader,
        options: DeepLiftOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts."""
        attributions: dict[int, Attribution] = {}
        for batch in batches(sentences, reader, options.baseline, copies=2):
            module = _Explained(reader, list(batch.inputs), output)
            inputs = (batch.target, *batch.inputs.values())
            with reader.evaluating(), _quietly():
                vectors = _deep_lift()(module).attribute(
                    batch.vectors.requires_grad_(),
                    baselines=batch.baseline,
                    additional_forward_args=inputs,
                    target=0,
                )
                with torch.no_grad():
                    ends = [module(at, *inputs) for at in (batch.vectors, batch.baseline)]
            change = (ends[0] - ends[1]).double()[:, 0].cpu().numpy()
            tokens = vectors.detach().double().sum(dim=2).cpu().numpy()
            for place, row in enumerate(batch.rows):
                attributions[row] = add_up(
                    tokens[place], sentences[row], options.pooling, change=float(change[place])
                )
        return [attributions[row] for row in range(len(sentences))]


ALIASES = ("dl",)
METHOD = DeepLift()
