"""Gradient times input at the word embeddings, by captum: one backward pass a text.

Does: the first-order change of the output along each word vector. Does not: add up to anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Output
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.extract.methods._gradients import Pooling, add_up, batches, forward
from kdprobe.models.handle import Capability
from kdprobe.models.reader import Reader


class GradientOptions(Options):
    """`pooling`: how the tokens of a word become its score."""

    pooling: Pooling = "sum"


@dataclass(frozen=True)
class GradientTimesInput:
    """Gradient times input (Shrikumar et al. 2016), signed, summed over dimensions."""

    name: str = "gradient_x_input"
    version: int = 1
    needs: frozenset[Capability] = frozenset({"logits", "gradients"})
    options: type[GradientOptions] = GradientOptions

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: Reader,
        options: GradientOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts."""
        from captum.attr import InputXGradient

        attributions: dict[int, Attribution] = {}
        for batch in batches(sentences, reader, "zero"):
            call = forward(reader, list(batch.inputs), output)
            with reader.evaluating():
                vectors = InputXGradient(call).attribute(
                    batch.vectors.requires_grad_(),
                    additional_forward_args=(batch.target, *batch.inputs.values()),
                )
            tokens = vectors.detach().double().sum(dim=2).cpu().numpy()
            for place, row in enumerate(batch.rows):
                attributions[row] = add_up(tokens[place], sentences[row], options.pooling)
        return [attributions[row] for row in range(len(sentences))]


ALIASES = ("gradxinput", "grad×input", "inputxgradient", "gxi")
METHOD = GradientTimesInput()
