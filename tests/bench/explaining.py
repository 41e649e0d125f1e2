"""How lime, shap and captum explain as their documentation uses them, and how kdprobe does.

Does: hold the peers' calls and ours apart from the rounds that time them; give exact values of
short sentences by enumeration. Does not: assert anything.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from kdprobe.extract.coalitions import ValueFunction, every_coalition, fill
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput
from kdprobe.extract.methods import lime as lime_method
from kdprobe.extract.methods.shap import shapley
from kdprobe.models.hf import HfModel
from kdprobe.models.reader import Reader
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.models.words import split_words, word_shares
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.bench.rows import BenchRows

T = TypeVar("T")
BATCH = 64
MOST_WORDS = 12
KERNEL_WIDTH = 25.0
Predict = Callable[[list[str]], np.ndarray]


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Give the CPU seconds of a call, and what it gave."""
    started = time.process_time()
    value = call()
    return time.process_time() - started, value


def told(
    bench_row: BenchRows, what: str, ratios: Sequence[float], more: str, *, agreement: str,
    must: float | None = None, goal: float | None = None, share: float | None = None,
) -> float:  # fmt: skip
    """Print and keep a median of ratios with its range."""
    middle = statistics.median(ratios)
    bench_row(what, ratios, agreement=agreement, must=must, goal=goal, share=share)
    print(f"{what}: {middle:.2f} times ({min(ratios):.2f}-{max(ratios):.2f}); {more}")
    return middle


def ratios_of(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """Divide the peer's seconds by ours, one by one."""
    return [theirs / ours for theirs, ours in zip(slow, fast, strict=True)]


def is_short(text: str) -> bool:
    """Say whether exact values of a sentence are had by enumeration."""
    return len(split_words(text)) <= MOST_WORDS


def like_the_split(data: Path, count: int) -> list[str]:
    """Give sentences of CoLA's dev set, whose lengths are spread as those of all of it."""
    texts = load_split(open_task("cola"), "dev", data_dir=data, offline=True).texts
    lengths = np.array([len(split_words(text)) for text in texts])
    order = np.argsort(lengths, kind="stable")
    places = ((np.arange(count) + 0.5) * len(order) / count).astype(int)
    return [texts[row] for row in order[places]]


def save_small_bert(
    folder: str, texts: Sequence[str], labels: tuple[str, ...], *, layers: int = 4, width: int = 128
) -> None:
    """Save a BERT with random weights and the word pieces of these texts."""
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = train_tokenizer(list(texts) * 2, vocabulary=2000)
    config = BertConfig(
        vocab_size=len(tokenizer), num_hidden_layers=layers, hidden_size=width,
        num_attention_heads=4, intermediate_size=4 * width, initializer_range=0.1,
        id2label=dict(enumerate(labels)), label2id={one: i for i, one in enumerate(labels)},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def predict_of(handle: HfModel) -> Predict:
    """The classifier function of every tutorial: tokenise, pad, batches of 64, softmax."""

    def predict(texts: list[str]) -> np.ndarray:
        parts = []
        for start in range(0, len(texts), BATCH):
            batch = handle.tokenizer(
                [str(text) for text in texts[start : start + BATCH]],
                padding=True, truncation=True, return_tensors="pt",
            )  # fmt: skip
            with torch.no_grad():
                logits = handle.model(**batch).logits[:, list(handle.columns)]
            parts.append(torch.softmax(logits.double(), dim=1).numpy())
        return np.concatenate(parts)

    return predict


def ask(reader: Reader, text: str, *, removal: Any = "delete") -> ExplanationInput:
    """Put a sentence to a model, its second label explained."""
    words = split_words(text)
    encoded = reader.encode((text,))
    game = ValueFunction(reader, (text,), words, removal=removal)
    return ExplanationInput(
        text, words, encoded, word_shares(words, encoded.pieces), 1, game, seed=7
    )


def scores_of_tokens(one: ExplanationInput, tokens: Floats) -> Floats:
    """Add the scores of tokens up over words, float64 `[n]`."""
    totals = np.zeros(len(one.words))
    for token, shares in zip(tokens, one.shares, strict=True):
        for word, share in shares:
            totals[word] += token * share
    return totals


def scores_of_parts(text: str, parts: Sequence[str], values: Floats) -> Floats:
    """Add the values of shap's text parts up over the words they stand in, float64 `[n]`."""
    words = split_words(text)
    totals, at = np.zeros(len(words)), 0
    for part, value in zip(parts, values, strict=True):
        letters = part.strip()
        if not letters:
            continue
        at = text.lower().index(letters.lower(), at)
        inside = [i for i, w in enumerate(words) if w.start < at + len(letters) and w.end > at]
        totals[inside] += value / len(inside)
        at += len(letters)
    return totals


def error(found: Floats, exact: Floats) -> float:
    """How far values are from the exact ones, as a share of all there is to tell."""
    return float(np.abs(found - exact).sum() / np.abs(exact).sum())


@dataclass(frozen=True)
class Exact:
    """What enumeration gives of the short sentences of a round, and what it cost.

    Args:
        seconds: CPU time of all coalitions of all of them, from which both LIME's limit and the
            Shapley values come.
        lime, shapley: by sentence, float64 `[n]`, of the probability, words left out.
        masked: Shapley values with words masked, as shap takes them away.
    """

    seconds: float
    lime: dict[str, Floats]
    shapley: dict[str, Floats]
    masked: dict[str, Floats]


def enumerate_all(handle: HfModel, texts: Sequence[str]) -> Exact:
    """Enumerate the coalitions of short sentences, with words left out and with words masked."""

    def values(removal: str) -> dict[str, Floats]:
        reader = Reader(handle)
        games = {text: ask(reader, text, removal=removal).game for text in texts}
        fill([(game, every_coalition(game.n)) for game in games.values()])
        return {t: g.values(every_coalition(g.n), 1, "probability") for t, g in games.items()}

    seconds, left_out = timed(lambda: values("delete"))
    return Exact(
        seconds,
        {text: lime_method.limit(found, KERNEL_WIDTH) for text, found in left_out.items()},
        {text: shapley(found) for text, found in left_out.items()},
        {text: shapley(found) for text, found in values("mask").items()},
    )


def lime_of_the_package(text: str, predict: Predict, samples: int, seed: int) -> Floats:
    """The package at its best settings: positional words, no selection, one batched predict."""
    from lime.lime_text import LimeTextExplainer

    words = [word.text for word in split_words(text)]
    explainer = LimeTextExplainer(
        bow=False, split_expression=lambda _: words, mask_string="", random_state=seed,
        feature_selection="none",
    )  # fmt: skip
    found = explainer.explain_instance(
        text, predict, labels=(1,), num_features=len(words), num_samples=samples
    )
    weights = np.zeros(len(words))
    for word, weight in found.as_map()[1]:
        weights[int(word)] = weight
    return weights


def lime_of_ours(reader: Reader, texts: Sequence[str], samples: int, seed: int) -> list[Floats]:
    """Ours with the package's state, so that both draw the same samples.

    The reader is one for all sentences of a model, as `explain_model` has it.
    """
    asked = [ask(reader, text) for text in texts]
    masks = [lime_method.draw(one.game.n, samples, np.random.RandomState(seed)) for one in asked]
    fill([(one.game, drawn) for one, drawn in zip(asked, masks, strict=True)])
    return [
        lime_method.fit(drawn, one.game.values(drawn, 1, "probability"), KERNEL_WIDTH)
        for one, drawn in zip(asked, masks, strict=True)
    ]


def shap_of_the_package(handle: HfModel, peer: str) -> Callable[[str], Floats]:
    """Give shap's explainer of texts as a function: values of words, float64 `[n]`.

    `pipeline` is the documented call; `batched` the best one: a function of texts, asked 64 at a
    time.
    """
    import shap as package
    from transformers import pipeline

    if peer == "pipeline":
        call = pipeline(
            "text-classification", model=handle.model, tokenizer=handle.tokenizer, top_k=None,
            device="cpu",
        )  # fmt: skip
        explainer, column, more = package.Explainer(call, silent=True), handle.columns[1], {}
    else:
        predict, masker = predict_of(handle), package.maskers.Text(handle.tokenizer)
        explainer = package.Explainer(lambda t: predict(list(t)), masker, silent=True)
        column, more = 1, {"batch_size": BATCH}

    def explain(text: str) -> Floats:
        found = explainer([text], **more)
        parts = [str(part) for part in found.data[0]]
        return scores_of_parts(text, parts, found.values[0][:, column])

    return explain


def shap_of_ours(
    handle: HfModel, texts: Sequence[str], options: dict[str, int]
) -> list[Attribution]:
    """Ours, all sentences in common batches."""
    reader = Reader(handle)
    method = METHODS.load("shap")
    asked = [ask(reader, text) for text in texts]
    return method.explain(asked, reader, method.options(**options), "probability")


def captum_one_by_one(handle: HfModel, text: str) -> tuple[Floats, float]:
    """Captum's tutorial for BERT: one sentence, 50 steps in one batch; and the gap it tells of."""
    from captum.attr import LayerIntegratedGradients

    tokenizer, model = handle.tokenizer, handle.model
    first, second = handle.columns

    def odds(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        logits = model(input_ids=ids, attention_mask=mask).logits
        return logits[:, second] - logits[:, first]

    given = tokenizer(text, return_tensors="pt")
    ids = given["input_ids"]
    special = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
    baseline = torch.where(special, ids, torch.full_like(ids, int(tokenizer.pad_token_id)))
    vectors, delta = LayerIntegratedGradients(odds, model.get_input_embeddings()).attribute(
        ids, baselines=baseline, additional_forward_args=(given["attention_mask"],),
        n_steps=50, return_convergence_delta=True,
    )  # fmt: skip
    tokens = vectors.sum(-1)[0].detach().double().numpy()
    missed = abs(float(delta))
    change = abs(float(tokens.sum()) - float(delta))
    return tokens, missed / change


def ig_of_ours(
    handle: HfModel, texts: Sequence[str], gradients: str = "float32"
) -> tuple[list[ExplanationInput], list[Attribution]]:
    """Ours with 50 steps and no more, all sentences in common batches."""
    reader = Reader(handle)
    method = METHODS.load("integrated_gradients")
    asked = [ask(reader, text) for text in texts]
    options = method.options(steps=50, most_steps=50, gradients=gradients)
    return asked, method.explain(asked, reader, options, "log-odds")
