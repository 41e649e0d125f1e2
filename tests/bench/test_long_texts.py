"""Four texts of 512 tokens and a tiny encoder: seconds of each method.

Attention grows with the square of a text, and with so small a model every loop over words shows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdprobe.extract.method import METHODS, Attribution
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.reader import Reader
from kdprobe.models.words import split_words
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.open import open_task
from tests.bench.explaining import (
    ask,
    like_the_split,
    lime_of_ours,
    lime_of_the_package,
    predict_of,
    save_small_bert,
    timed,
)
from tests.bench.rows import BenchRows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]
SECONDS = {"integrated_gradients": 1.8, "lime": 6.3, "shap": 17.5, "occlusion": 4.7}
"""Half of what each took of this encoder before: CPU seconds of one processor (AMD EPYC), which is
why no test fails by them."""


@pytest.fixture(scope="module")
def sentences(real_data: Path) -> list[str]:
    return like_the_split(real_data, 1040)


@pytest.fixture(scope="module")
def handle(sentences: list[str], tmp_path_factory: pytest.TempPathFactory) -> HfModel:
    """Two layers of 64, their weights random."""
    task, folder = open_task("cola").task(), str(tmp_path_factory.mktemp("m") / "bert")
    save_small_bert(folder, sentences, task.labels, layers=2, width=64)
    return open_hf(folder, name="tiny", task=task, device="cpu")


@pytest.fixture(scope="module")
def texts(sentences: list[str], handle: HfModel) -> list[str]:
    """Words of CoLA's sentences, as many as 510 tokens hold."""
    words = [one.text for text in sentences for one in split_words(text) if one.text.isalpha()]
    drawn = [words[at] for at in np.random.default_rng(0).integers(len(words), size=4 * 600)]
    given = [handle.tokenizer(" ".join(part))["input_ids"] for part in np.split(np.array(drawn), 4)]
    return [str(handle.tokenizer.decode(ids[1:511])) for ids in given]


def odds(shares: Floats) -> Floats:
    """The log-odds of the second label."""
    values: Floats = np.log(shares[:, 1] / shares[:, 0])
    return values


def test_texts_of_512_tokens(handle: HfModel, texts: list[str], bench_row: BenchRows):
    """Guards against fast scores that are not those of the texts; shows seconds that come back."""
    scored: dict[str, list[Attribution]] = {}
    spent = {}
    for name in SECONDS:
        method, reader = METHODS.load(name), Reader(handle)
        spent[name], scored[name] = timed(
            lambda m=method, r=reader: m.explain(  # type: ignore[misc]
                [ask(r, text) for text in texts], r, m.options(), "log-odds"
            )
        )
    predict, reader = predict_of(handle), Reader(handle)
    one = ask(reader, texts[0])
    some = np.arange(0, one.game.n, 60)
    masks = ~np.eye(one.game.n, dtype=np.bool_)[some]
    whole = odds(predict(texts[:1]))
    left = odds(predict([one.game.text(mask)[0] for mask in masks]))
    moved = float(np.abs(whole - left - scored["occlusion"][0].scores[some]).max())
    change = whole - odds(predict([""]))
    missed = float(np.abs(scored["shap"][0].scores.sum() - change).max())
    (ours,) = lime_of_ours(reader, texts[:1], 100, 0)
    apart = float(np.abs(ours - lime_of_the_package(texts[0], predict, 100, 0)).max())
    gap = max(each.gap for each in scored["integrated_gradients"])
    agreement = {
        "occlusion": f"own outputs within {moved:.0e}", "shap": f"sum within {missed:.0e}",
        "lime": f"weights of lime within {apart:.0e}", "integrated_gradients": f"gap {gap:.0e}",
    }  # fmt: skip
    for name, most in SECONDS.items():
        bench_row(
            f"{name}, 4 texts of 512 tokens, 2 layers of 64", spent[name], unit="s", must=most,
            agreement=agreement[name],
        )  # fmt: skip
    assert max(moved, missed, apart) < 1e-4
    assert gap < 0.01
