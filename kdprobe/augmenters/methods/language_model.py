"""New texts drawn from a language model fine-tuned on the training texts (GPT-2).

Tang, Lu and Lin 2019 ("Natural Language Generation for Effective Knowledge Distillation", DeepLo)
and the 2020 thesis after it: a pretrained causal language model is fine-tuned for one epoch on the
training texts, each with the end of text behind (AdamW 5e-5, weight decay 1e-3, the rate rising
over a tenth of the steps, 48 texts a step, at most 128 tokens). The first token of a new text is
drawn from the first tokens of the training texts as often as they stand there, every further one
from the model's own probabilities (no temperature, top-k or nucleus), until the end of text or 128
tokens. A pair is one text with a tab between; what has not exactly one tab is given up.

Differs from the released code: that drew 800,000 texts from `gpt2-medium`, repeated ones among
them, and split words at random before it read them; here no text stands twice and words are whole.

A shape like `gpt2:L4,H256,A4,V8000` starts from random weights with a tokenizer of the training
texts. It needs no network, knows nothing but these texts, and is trained longer (20 epochs, 1e-3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, JsonValue

from kdprobe.augmenters.augmenter import AugmenterRun, GeneratedText
from kdprobe.augmenters.language import (
    Language,
    facts_of,
    joined,
    open_language,
    shape_in,
    token_rows,
)
from kdprobe.augmenters.language_fit import LanguageFit, fit_language
from kdprobe.augmenters.pretrained import find
from kdprobe.augmenters.sampling import first_tokens, sample
from kdprobe.config.base import Options
from kdprobe.models.folder import fingerprint
from kdprobe.seeds import derive_generator, derive_seed
from kdprobe.tasks.task import Split

_AT_ONCE = 256  # texts of a chunk
_TIMES = 20  # texts a training example when nobody says how many
_TRIES = 10  # texts drawn for each one wanted, before giving up
_FRESH_EPOCHS, _FRESH_RATE = 20.0, 1e-3
_EPOCHS, _RATE = 1.0, 5e-5


class LanguageModelOptions(Options):
    """The options of `language_model`.

    Args:
        model: a hub id or folder of a causal language model, or a shape to train from scratch.
        epochs: passes over the training texts; None: 1, for a shape 20.
        learning_rate: at its peak; None: 5e-5, for a shape 1e-3.
        weight_decay: of AdamW.
        warmup: the share of steps over which the rate rises.
        batch_size: texts of a step.
        longest: tokens of a text.
    """

    model: str = "gpt2"
    epochs: float | None = Field(None, gt=0, le=10_000)
    learning_rate: float | None = Field(None, gt=0)
    weight_decay: float = Field(1e-3, ge=0)
    warmup: float = Field(0.1, ge=0, le=1)
    batch_size: int = Field(48, ge=1, le=1_000_000)
    longest: int = Field(128, ge=2, le=100_000)

    def fit(self, *, fresh: bool) -> LanguageFit:
        """Return how a model is fine-tuned."""
        return LanguageFit(
            epochs=self.epochs or (_FRESH_EPOCHS if fresh else _EPOCHS),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate or (_FRESH_RATE if fresh else _RATE),
            weight_decay=self.weight_decay,
            warmup=self.warmup,
        )


@dataclass(frozen=True)
class LanguageModelMaker:
    """A fine-tuned language model that writes; see `augmenter.Maker`.

    Args:
        language: the model, on its device, in eval mode.
        prefixes: first tokens, int64, and their shares, float64.
        options: the options.
        facts: what is told of the model.
        has_pairs: whether a text is a pair.
        run: seed, device and how many were asked for.
        examples: how many training examples there are.
    """

    language: Language
    prefixes: tuple[NDArray[np.int64], NDArray[np.float64]]
    options: LanguageModelOptions
    facts: Mapping[str, str]
    has_pairs: bool
    run: AugmenterRun
    examples: int

    @property
    def wanted(self) -> int:
        """As many as asked for, else 20 for each training example."""
        return self.run.wanted or _TIMES * self.examples

    @property
    def chunks(self) -> int:
        """Enough to draw ten texts for each one wanted."""
        return -(-_TRIES * self.wanted // _AT_ONCE)

    @cached_property
    def _end(self) -> int:
        return int(self.language.tokenizer.eos_token_id)

    def make(self, chunk: int) -> list[GeneratedText]:
        """Draw the texts of a chunk."""
        names = ("augment language_model", str(chunk))
        generator = torch.Generator(self.run.device)
        generator.manual_seed(derive_seed(self.run.seed, *names))
        tokens, shares = self.prefixes
        first = derive_generator(self.run.seed, *names).choice(tokens, size=_AT_ONCE, p=shares)
        rows = sample(
            self.language.model,
            first,
            end=self._end,
            longest=self.options.longest,
            generator=generator,
        )
        texts = self.language.tokenizer.batch_decode(
            rows, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [self._draft(text) for text in texts]

    def _draft(self, text: str) -> GeneratedText:
        """Read a drawn text; one that cannot be read is empty."""
        if "\ufffd" in text:  # bytes that are no letter
            return GeneratedText("", "" if self.has_pairs else None)
        if not self.has_pairs:
            return GeneratedText(text)
        parts = text.split("\t")
        return GeneratedText(*parts) if len(parts) == 2 else GeneratedText("", "")


class _LanguageModel:
    name = "language_model"
    version = 1
    options = LanguageModelOptions
    runs_model = True

    def identity(self, options: LanguageModelOptions, *, offline: bool) -> Mapping[str, JsonValue]:
        """Return the pretrained model by content; a shape is made of the training texts alone."""
        if shape_in(options.model) is not None:
            return {}
        return {"model": fingerprint(find(options.model, kind="causal", offline=offline))}

    def open(
        self, split: Split, options: LanguageModelOptions, run: AugmenterRun
    ) -> LanguageModelMaker:
        """Open the model and fine-tune it on the texts."""
        texts = joined(split)
        language = open_language(
            options.model, texts, seed=run.seed, longest=options.longest, offline=run.offline
        )
        rows = token_rows(language.tokenizer, texts, longest=options.longest)
        loss = fit_language(
            language.model,
            rows,
            options.fit(fresh=language.fresh),
            seed=run.seed,
            device=run.device,
            place=run.folder / "language-model.safetensors",
            progress=run.progress,
        )
        return LanguageModelMaker(
            language=language,
            prefixes=first_tokens(rows),
            options=options,
            facts=facts_of(language, loss),
            has_pairs=split.pairs is not None,
            run=run,
            examples=len(split),
        )


AUGMENTER = _LanguageModel()
