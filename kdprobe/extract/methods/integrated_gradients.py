"""Integrated gradients at the word embeddings, by captum, many sentences and steps in one batch.

Does: integrate from a baseline by Gauss-Legendre and double the steps until the scores add up to
the change of the output. Does not: hide the texts that never get there; their gap says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Output
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.extract.methods._gradients import (
    Baseline,
    ExplainedBatch,
    Pooling,
    add_up,
    batches,
    forward,
)
from kdprobe.models.attention import eager_attention
from kdprobe.models.handle import Capability
from kdprobe.models.reader import BATCH_TOKENS, Reader
from kdprobe.stats.arrays import Floats

EAGER_TOKENS = 256
"""Tokens up to which gradients in bfloat16 pass through plain attention twice as fast as through
fused; longer texts lose with it (measured: 66 against 127 ms at 256 tokens, 264 against 200 at
512)."""


class IntegratedGradientsOptions(Options):
    """How the path is integrated and how vectors become numbers.

    `steps` are doubled up to `most_steps` while the completeness gap is above `largest_gap`.
    `reduce`: `sum` keeps the sign and the total; `l2` is the norm of the `top_dimensions` largest
    dimensions (0: all), as attribution distillation uses it (AD-KD); it has no completeness.
    `gradients`: `float32` of the weights as they are run, or as the `model` runs, in bfloat16 where
    that was asked for; then steps are not doubled, as rounding leaves a gap that no step closes.
    """

    baseline: Baseline = "pad"
    steps: int = Field(default=50, ge=1, le=10_000)
    most_steps: int = Field(default=512, ge=1, le=10_000)
    largest_gap: float = Field(default=0.01, gt=0)
    reduce: Literal["sum", "l2"] = "sum"
    top_dimensions: int = Field(default=0, ge=0)
    pooling: Pooling = "sum"
    gradients: Literal["float32", "model"] = "float32"


def _integrate(
    batch: ExplainedBatch, reader: Reader, output: Output, steps: int
) -> tuple[Floats, Floats]:
    """Integrate a batch: float64 `[n, t, d]`, and the change of the output `[n]`."""
    import torch
    from captum.attr import IntegratedGradients

    names = list(batch.inputs)
    call = forward(reader, names, output)
    inputs = tuple(batch.inputs.values())
    length = batch.vectors.shape[1]
    gradients = IntegratedGradients(call).attribute(
        batch.vectors,
        baselines=batch.baseline,
        additional_forward_args=(batch.target, *inputs),
        n_steps=steps,
        internal_batch_size=max(len(batch.rows), BATCH_TOKENS // length),
    )
    with torch.no_grad():  # both ends at once: products of few rows cost the most each
        twice = [torch.cat([each, each]) for each in (batch.target, *inputs)]
        ends = call(torch.cat([batch.vectors, batch.baseline]), *twice).double()
    change: Floats = (ends[: len(batch.rows)] - ends[len(batch.rows) :]).cpu().numpy()
    return gradients.detach().double().cpu().numpy(), change


def _pooled(
    vectors: Floats, one: ExplanationInput, change: float, options: IntegratedGradientsOptions
) -> Attribution:
    if options.reduce == "sum":
        return add_up(vectors.sum(axis=1), one, options.pooling, change=change)
    squares = np.sort(vectors**2, axis=1)[:, ::-1]
    kept = squares[:, : options.top_dimensions] if options.top_dimensions else squares
    return add_up(np.sqrt(kept.sum(axis=1)), one, options.pooling)


@dataclass(frozen=True)
class IntegratedGradients:
    """Integrated gradients (Sundararajan, Taly and Yan 2017)."""

    name: str = "integrated_gradients"
    version: int = 2
    needs: frozenset[Capability] = frozenset({"logits", "gradients"})
    options: type[IntegratedGradientsOptions] = IntegratedGradientsOptions

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: Reader,
        options: IntegratedGradientsOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts; those whose gap is too large are done again with twice the steps."""
        if options.gradients == "model" and reader.precision != "float32":
            options = options.model_copy(update={"most_steps": options.steps})
            reader = reader.as_opened()
            short = [one for one in sentences if len(one.encoded.ids) <= EAGER_TOKENS]
            with eager_attention(reader.opened):
                eager = iter(self._explained(short, reader, options, output))
            long = [one for one in sentences if len(one.encoded.ids) > EAGER_TOKENS]
            fused = iter(self._explained(long, reader, options, output))
            return [
                next(eager if len(one.encoded.ids) <= EAGER_TOKENS else fused) for one in sentences
            ]
        return self._explained(sentences, reader, options, output)

    def _explained(
        self,
        sentences: Sequence[ExplanationInput],
        reader: Reader,
        options: IntegratedGradientsOptions,
        output: Output,
    ) -> list[Attribution]:
        with reader.evaluating():
            return self._settled(sentences, reader, options, output)

    def _settled(
        self,
        sentences: Sequence[ExplanationInput],
        reader: Reader,
        options: IntegratedGradientsOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts of a model in eval mode, with more steps where they do not add up."""
        attributions: dict[int, Attribution] = {}
        left, steps = list(range(len(sentences))), min(options.steps, options.most_steps)
        while left:
            again = []
            chosen = [sentences[row] for row in left]
            for batch in batches(chosen, reader, options.baseline, copies=max(2, steps)):
                vectors, changes = _integrate(batch, reader, output, steps)
                for place, at in enumerate(batch.rows):
                    one, change = chosen[at], float(changes[place])
                    attributions[left[at]] = _pooled(vectors[place], one, change, options)
                    signed = add_up(vectors[place].sum(axis=1), one, "sum", change=change)
                    if signed.gap > options.largest_gap:
                        again.append(left[at])
            if steps >= options.most_steps:
                break
            left, steps = sorted(again), min(2 * steps, options.most_steps)
        return [attributions[row] for row in range(len(sentences))]


def every_class(
    sentences: Sequence[ExplanationInput],
    reader: Reader,
    options: IntegratedGradientsOptions,
    output: Output = "log-odds",
) -> list[Floats]:
    """Explain every class of each text at once: the maps attribution distillation compares.

    Definition: with `reduce = l2` and `top_dimensions`, AD-KD's maps (Wu et al. 2023): for each
    class the norm of the largest dimensions of each word's integrated gradients.

    Returns:
        float64 `[classes, n]` a text, in the task's label order (a regression: one row); no columns
        where a class has no finite scores.
    """
    rows = [
        [replace(one, target=target) for one in sentences] for target in range(len(reader.columns))
    ]
    attributions = [METHOD.explain(targeted, reader, options, output) for targeted in rows]
    maps = []
    for scored in zip(*attributions, strict=True):
        whole = all(len(one.scores) for one in scored)
        maps.append(
            np.stack([one.scores for one in scored]) if whole else np.empty((len(scored), 0))
        )
    return maps


ALIASES = ("ig",)
METHOD = IntegratedGradients()
