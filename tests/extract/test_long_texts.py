"""Texts longer than 512 tokens, the limit of most encoders, under every method.

Tiny models with as many positions as the real ones: nothing here is scaled down but their width.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from kdprobe.extract import attributions, explained_piece
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.coalitions import ValueFunction
from kdprobe.extract.explained_piece import PieceRequest
from kdprobe.extract.method import METHODS
from kdprobe.extract.methods.shap import ShapOptions
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.reader import BATCH_TOKENS, Reader
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
from tests.cli.scene import LABELS, run, write_task
from tests.models.tiny import WORDS, tiny_checkpoint

LIMIT = 512
READ = LIMIT - 2 - 2
# 508 words of one token each; the next has ten, of which two fit; then a hundred more.
LONG = " ".join([*(WORDS[row % 60] for row in range(READ)), "zyxwvutsrq", *WORDS[:100]])
TASK = Task("t", 1, "classification", LABELS, "accuracy")
FEW: dict[str, dict[str, Any]] = {
    "lime": {"samples": 20}, "shap": {"evaluations": 1},
    "integrated_gradients": {"steps": 8, "most_steps": 8},
}  # fmt: skip
each_method = pytest.mark.parametrize("name", METHODS.names())


def save(folder: Path, *, seed: int = 0) -> Path:
    return tiny_checkpoint(folder, labels=LABELS, layers=1, width=16, max_length=LIMIT, seed=seed)


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> HfModel:
    place = save(tmp_path_factory.mktemp("m") / "bert")
    return open_hf(str(place), name="bert", task=TASK, device="cpu")


def read_part(handle: HfModel) -> Sentence:
    """What the model reads of the long text, as `compare` and `attribute` put it to a method."""
    words = split_words(LONG)
    ((_, end),) = Reader(handle).words_read((LONG,), words)
    return Sentence("long", (LONG[:end],), tuple(w for w in words if w.end <= end), 1)


def test_the_words_read_are_those_of_all_their_tokens(handle: HfModel):
    """Guards against a score for a word of which only the first letters were read."""
    encoded = Reader(handle).encode((LONG,))
    assert len(encoded.ids) == LIMIT
    found = read_part(handle)
    assert len(found.words) == READ
    assert LONG[len(found.texts[0]) :].strip().startswith("zyxwvutsrq")


@each_method
def test_a_text_at_the_limit_is_scored_in_batches_of_bounded_size(name: str, handle: HfModel):
    """Guards against positions beyond the model's, and against batches that grow with the text."""
    sizes: list[tuple[int, ...]] = []

    def seen(_: torch.nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        sizes.append(tuple(named["input_ids"].shape))

    hook = handle.model.register_forward_pre_hook(seen, with_kwargs=True)
    setting = ExplanationSettings({name: METHODS.load(name).options(**FEW.get(name, {}))})
    try:
        (found,) = explain_model(
            handle, [read_part(handle)], setting, cache=None, progress=Silent()
        )[name]
    finally:
        hook.remove()
    assert found.scored.scores.shape == (READ,)
    assert np.isfinite(found.scored.scores).all()
    assert len(np.unique(found.scored.scores)) > READ / 2
    assert np.isfinite(found.deletion).all()
    assert max(width for _, width in sizes) == READ + 2
    assert max(rows * width for rows, width in sizes) <= BATCH_TOKENS


@pytest.mark.parametrize("name", ["lime", "shap", "occlusion"])
def test_no_method_asks_more_of_a_long_text_than_it_says(
    name: str, handle: HfModel, monkeypatch: pytest.MonkeyPatch
):
    """Guards against Shapley values of one long text that take an hour: 32 pairs are 32,640 passes.

    The texts of coalitions that are held, and so the memory, are bounded with them.
    """
    asked: set[bytes] = set()

    def counted(self: ValueFunction, masks: np.ndarray) -> np.ndarray:
        asked.update(mask.tobytes() for mask in masks)
        return np.zeros((len(masks), 2))

    def none(given: Sequence[tuple[ValueFunction, np.ndarray]]) -> None:
        return None

    monkeypatch.setattr(importlib.import_module(f"kdprobe.extract.methods.{name}"), "fill", none)
    monkeypatch.setattr(ValueFunction, "logits", counted)
    fixed = {} if name == "occlusion" else {"noise": 0}
    setting = ExplanationSettings({name: METHODS.load(name).options(**fixed)}, deletion=False)
    explain_model(handle, [read_part(handle)], setting, cache=None, progress=Silent())
    most = {"lime": 1000, "shap": 4 * 2 * (READ - 1) + 2, "occlusion": READ + 1}[name]
    assert len(asked) == most <= ShapOptions().most_coalitions


def test_long_texts_are_held_one_at_a_time_and_short_ones_together(
    handle: HfModel, monkeypatch: pytest.MonkeyPatch
):
    """Guards against memory that grows with the length of sixteen texts, and tiny batches."""
    pieces: list[list[int]] = []
    real = explained_piece.explain_piece

    def counted(reader: Reader, request: PieceRequest) -> Any:
        pieces.append([len(one.words) for one in request.sentences])
        return real(reader, request)

    monkeypatch.setattr(attributions, "explain_piece", counted)
    long = read_part(handle)
    short = [Sentence(f"{row}", (f"the dog {row}",), split_words(f"the dog {row}"), 0)
             for row in range(18)]  # fmt: skip
    asked = [long, *short, Sentence("again", (long.texts[0],), long.words, 0), long]
    setting = ExplanationSettings({"gradient_x_input": METHODS.load("gradient_x_input").options()})
    found = explain_model(handle, asked, setting, cache=None, progress=Silent())
    assert pieces == [[READ, *[3] * 15], [3, 3, 3, READ], [READ]]
    assert [len(one.scored.scores) for one in found["gradient_x_input"]] == [
        len(one.words) for one in asked
    ]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of 512 positions compared by all methods on a split that holds the long text."""
    folder = tmp_path_factory.mktemp("long")
    task = write_task(folder)
    lines = (folder / "dev.tsv").read_text(encoding="utf-8").splitlines()
    lines = [*lines[:3], f"{LONG}\tgood\tnews"]
    (folder / "dev.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    models = [save(folder / name, seed=seed) for name, seed in (("t", 1), ("s", 2))]
    words = [f"{name}.{key}={value}" for name, given in FEW.items() for key, value in given.items()]
    outcome = run(
        "compare", *models, "--task", task, "-o", folder / "out", "--offline", "--device", "cpu",
        "--resamples", "100", "--methods", ",".join(METHODS.names()),
        *(part for word in words for part in ("--method-set", word)),
        "--only", "attribution_agreement,faithfulness",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    return folder / "out"


@each_method
def test_words_cut_off_have_no_score_in_any_file(name: str, compared: Path):
    """Guards against a zero, or the score of another word, for what no model read."""
    table = pd.read_parquet(compared / "attributions.parquet")
    for model in ("t", "s"):
        rows = table[(table.id == "dev-00003") & (table.method == name) & (table.model == model)]
        rows = rows.sort_values("word_index")
        assert rows["word"].tolist() == LONG.split()
        assert rows["score"].notna().tolist() == [True] * READ + [False] * 101
        short = table[(table.id == "dev-00001") & (table.method == name) & (table.model == model)]
        assert short["score"].notna().all()


def test_the_cut_is_told_in_the_report(compared: Path):
    """Guards against agreement on half a text that passes for agreement on the whole."""
    document = json.loads((compared / "results.json").read_text(encoding="utf-8"))
    notes = {one["name"]: one["notes"] for one in document["analyses"]}["attribution_agreement"]
    told = (
        "1 example is longer than a model reads; only words that all models read were explained "
        "(first: dev-00003)."
    )
    assert told in notes
    assert told in (compared / "report.html").read_text(encoding="utf-8")
    cut = [one["message"] for one in document["warnings"] if one["code"] == "truncated"]
    assert cut == [
        f"{model} cut 1 of 3 examples: they are longer than it takes." for model in ("t", "s")
    ]


def test_one_long_text_says_what_was_read(handle: HfModel, tmp_path: Path):
    """Guards against a coloured page whose last hundred words look neutral, not unread."""
    place = save(tmp_path / "bert")
    words = ("--text", LONG, "--methods", "gradient_x_input", "--device", "cpu", "--offline")
    page = tmp_path / "a.html"
    outcome = run("attribute", place, *words, "-o", page)
    assert outcome.code == 0, outcome.err
    assert f"warning: bert reads {READ} of {READ + 101} words" in outcome.err.replace("\n", " ")
    assert f"({READ} of {READ + 101} words read)" in page.read_text(encoding="utf-8")
    found = json.loads(run("attribute", place, *words, "--json").out)
    assert found["read"] == READ
    scores = found["methods"][0]["scores"]
    assert scores[READ:] == [None] * 101
    assert None not in scores[:READ]
