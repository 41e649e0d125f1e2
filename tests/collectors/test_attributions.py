"""`compare` with word scores, from the command line to every file it writes."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.comparison.collect import collectors_of
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.extract.sampling import choose_rows
from kdprobe.report.highlights import marks, tint
from tests.cli.scene import checkpoint, gold, run, write_predictions, write_task

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher, a student and a predictions file, six sentences explained by two methods."""
    folder = tmp_path_factory.mktemp("scene")
    task = write_task(folder)
    models = [checkpoint(folder / name, seed=seed) for name, seed in (("t", 1), ("s", 2))]
    file = write_predictions(folder / "p.jsonl", gold(folder), seed=3)
    outcome = run(
        "compare", *models, file, "--task", task, "-o", folder / "out", "--offline",
        "--device", "cpu", "--resamples", "100", "--methods", "integrated_gradients,occlusion",
        "--attribution-sentences", "6", "--only", "attribution_agreement,faithfulness",
    )  # fmt: skip
    (folder / "code").write_text(str(outcome.code))
    return folder


def test_every_word_of_the_chosen_sentences_is_written(compared: Path):
    """Guards against rows of another sentence, or words that were lost on the way."""
    table = pd.read_parquet(compared / "out" / "attributions.parquet")
    texts = {f"dev-{row:05d}": cells[0] for row, cells in enumerate(gold(compared), start=1)}
    assert table["id"].nunique() == 6
    assert set(table["method"]) == {"integrated_gradients", "occlusion"}
    assert set(table["model"]) == {"t", "s"}
    known = set(texts.values())
    for _, rows in table.groupby(["id", "model", "method"]):
        assert " ".join(rows.sort_values("word_index")["word"]) in known
        assert np.isfinite(rows["score"]).all()


def test_the_numbers_the_page_and_what_is_missing(compared: Path):
    """Guards against a model that cannot be explained and is not told of."""
    document = json.loads((compared / "out" / "results.json").read_text(encoding="utf-8"))
    names = [result["name"] for result in document["analyses"]]
    assert names == ["attribution_agreement", "faithfulness"]
    metrics = pd.read_csv(compared / "out" / "metrics.csv")
    for name in ("spearman", "kendall", "top_k", "ceiling", "floor", "normalised"):
        assert len(metrics[(metrics.metric == name) & (metrics.model_b == "s")]) >= 2
    assert {item["reason"] for item in document["skipped"]} == {
        "p: new texts cannot be put to a predictions file"
    }
    assert (compared / "code").read_text() == "3"
    page = (compared / "out" / "report.html").read_text(encoding="utf-8")
    assert "Same answer, same reasons?" in page
    assert page.count('class="words"') == 6 * 2  # six sentences by two methods
    assert "style=" not in page


def test_without_an_option_words_are_not_explained():
    """Guards against a default comparison that takes minutes, and --skip that does not hold."""
    shap = {"attributions": AttributionRequest(methods=("shap",), sentences=5)}
    both = ("attribution_agreement", "faithfulness")
    assert "attributions" not in collectors_of(both, {})
    assert "attributions" not in collectors_of(("agreement",), shap)
    assert collectors_of(both[1:], shap)["attributions"] is shap["attributions"]
    by_name = collectors_of(both[1:], {}, only=("faithfulness",))["attributions"]
    assert isinstance(by_name, AttributionRequest)
    assert by_name.sentences == 200


def test_what_cannot_be_asked_for_is_said():
    """Guards against a typing error that is quietly left out."""
    with pytest.raises(UnknownNameError, match="did you mean 'shap'"):
        AttributionRequest(methods=("shapp",))
    with pytest.raises(ConfigError) as twice:
        AttributionRequest(methods=("shap", "shap"))
    assert str(twice.value) == "`attribution.methods`: a method is given twice, expected each once"
    with pytest.raises(ConfigError) as none:
        AttributionRequest(sentences=0)
    assert str(none.value) == "`attribution.sentences`: is 0, expected at least 1"


def test_the_sample_keeps_proportions_whatever_the_order():
    """Guards against a sample of one label, and one that depends on the order of the file."""
    n = 400
    generator = np.random.Generator(np.random.PCG64(1))
    ids = tuple(f"e{row}" for row in range(n))
    labels = (generator.random(n) < 0.25).astype(np.int64)
    agree = generator.random(n) < 0.9
    lengths = generator.integers(3, 20, size=n)
    rows = choose_rows(ids, labels, agree, lengths, count=100, seed=1)
    assert len(rows) == len(set(rows)) == 100
    assert labels[rows].mean() == pytest.approx(labels.mean(), abs=0.03)
    assert agree[rows].mean() == pytest.approx(agree.mean(), abs=0.03)
    order = generator.permutation(n)
    again = choose_rows(
        tuple(ids[i] for i in order), labels[order], agree[order], lengths[order],
        count=100, seed=1,
    )  # fmt: skip
    assert {ids[order[row]] for row in again} == {ids[row] for row in rows}
    assert choose_rows(ids, labels, agree, lengths, count=n, seed=1) == list(range(n))


def test_colours_follow_sign_and_size():
    """Guards against a word against the class in the colour of one for it."""
    assert [tint(v, 2.0) for v in (2.0, -2.0, 0.5, -0.05, None)] == ["t5", "a5", "t2", "", ""]
    assert tint(1.0, 0.0) == ""
    shown = marks(("a", "b", "c"), (1.0, -0.5, None))
    assert [mark.tint for mark in shown] == ["t5", "a3", ""]


def test_attribute_prints_and_writes_one_text(compared: Path):
    """Guards against hostile text that acts on the page, and scores of another label."""
    page = compared / "a.html"
    text = "the dog <script>alert(1)</script> sleeps"
    outcome = run(
        "attribute", compared / "t", "--text", text, "--methods", "occlusion,gradient_x_input",
        "--label", "good", "-o", page, "--device", "cpu", "--offline",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "good: probability t 0." in outcome.out
    assert "occlusion:" in outcome.out
    written = page.read_text(encoding="utf-8")
    assert "<script" not in written
    found = run("attribute", compared / "t", "--text", text, "--label", "bad", "--json",
                "--methods", "occlusion", "--device", "cpu")  # fmt: skip
    scores = json.loads(found.out)
    assert scores["explained"] == "bad"
    assert scores["words"][:2] == ["the", "dog"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--text", " "), "--text: is empty, expected a value; leave it out for none"),
        (("--text", "a dog", "--label", "ugly"),
         "--label ugly: t has no such label, expected one of bad, good"),
        (("--text", "a dog", "-o", "words.png"),
         "--output words.png: ends in '.png', expected .html for a page or .svg for a drawing"),
        (("--text", "a dog", "--methods", "grad"), "--methods: no method is called 'grad'"),
    ],
)  # fmt: skip
def test_attribute_refuses_in_one_message(compared: Path, words: tuple[str, ...], message: str):
    """Guards against a traceback, or the explanation of a label nobody asked for."""
    outcome = run("attribute", compared / "t", *words, "--device", "cpu", "--offline")
    assert outcome.code == 2
    assert message in outcome.err.replace("\n", " ")


@pytest.mark.parametrize("own", [True, False])
def test_texts_without_a_word_are_skipped_with_the_reason(
    compared: Path, tmp_path: Path, own: bool
):
    """Guards against a traceback where no text holds a word, after minutes of asking models."""
    task = write_task(tmp_path)
    (tmp_path / "mine.txt").write_text("\u200b\n", encoding="utf-8")
    if not own:
        rows = ["sentence\tlabel\tgenre", "\u200b\tgood\tnews", "\u200d \u200b\tbad\tnews"]
        (tmp_path / "dev.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    outcome = run(
        "compare", compared / "t", compared / "s", "--task", task, "-o", tmp_path / "out",
        "--offline", "--device", "cpu", "--resamples", "100", "--methods", "occlusion",
        *(("--sentences", tmp_path / "mine.txt") if own else ()),
        "--only", "attribution_agreement,faithfulness",
    )  # fmt: skip
    assert outcome.code == 3, outcome.err
    document = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert {item["reason"] for item in document["skipped"]} == {
        "none of the chosen examples holds a word that every model reads"
    }
    assert not len(pd.read_parquet(tmp_path / "out" / "attributions.parquet"))


def test_words_of_a_pair_say_which_text_they_stand_in(compared: Path):
    """Guards against a score of the second text read as one of the first's repeated word."""
    outcome = run("attribute", compared / "t", "--text", "the dog", "--text-pair", "the cat !",
                  "--methods", "occlusion", "--json", "--device", "cpu", "--offline")  # fmt: skip
    found = json.loads(outcome.out)
    assert found["words"] == ["the", "dog", "the", "cat", "!"]
    assert found["segments"] == [0, 0, 1, 1, 1]


def test_several_models_explain_one_label_of_the_same_words(compared: Path):
    """Guards against two models that are coloured for different labels side by side."""
    drawing = compared / "a.svg"
    models = [compared / "t", f"student={compared / 's'}"]
    words = ("--text", "the dog sleeps & sings", "--methods", "occlusion,gradient_x_input",
             "--device", "cpu", "--offline")  # fmt: skip
    outcome = run("attribute", *models, *words, "-o", drawing)
    assert outcome.code == 0, outcome.err
    root = ElementTree.fromstring(drawing.read_text(encoding="utf-8"))
    shown = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert shown.count("&") == 4  # two models by two methods
    assert shown.count("student") == shown.count("t") == 2
    found = json.loads(run("attribute", *models, *words, "--json").out)
    assert [one["model"] for one in found] == ["t", "student"]
    assert len({one["explained"] for one in found}) == 1
    alone = json.loads(run("attribute", *models[1:], *words, "--json",
                           "--label", found[0]["explained"]).out)  # fmt: skip
    assert alone["methods"] == found[1]["methods"]
    seeds = run("attribute", f"s={compared / 's'},{compared / 't'}", *words)
    assert "s: 2 paths, expected one; give each run a name of its own" in seeds.err


def test_own_sentences_are_explained_and_stand_in_the_browser(compared: Path, tmp_path: Path):
    """Guards against own sentences that move the numbers of the split, or are not shown."""
    mine = tmp_path / "mine.txt"
    mine.write_text("the dog sleeps here\n\nthe <b>cat</b> sings here\n", encoding="utf-8")
    outcome = run(
        "compare", compared / "t", compared / "s", "--task", compared / "toy.toml",
        "-o", tmp_path / "out", "--offline", "--device", "cpu", "--resamples", "100",
        "--methods", "occlusion", "--sentences", mine,
        "--only", "attribution_agreement,agreement,attribution_gap", "--attribution-gap", "9",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    document = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    analyses = {one["name"]: one for one in document["analyses"]}
    words, plain = analyses["attribution_agreement"], analyses["agreement"]
    gaps = {one["subset"]: one for one in analyses["attribution_gap"]["estimates"]}
    assert set(gaps) == {"train", "dev", "dev minus train"}
    assert gaps["train"]["n"] == gaps["dev"]["n"] == 9
    assert gaps["dev"]["value"] > 0
    assert words["notes"][0] == "2 of 2 sentences of mine.txt were explained."
    n = document["task"]["n"]
    assert {one["n"] for one in plain["estimates"] if one["metric"] == "agreement"} == {n}
    assert document["request"]["options"]["sentences"] == "mine.txt"
    rows = [one for one in document["examples"] if one["columns"]["from"] == "own sentences"]
    assert [row["text"] for row in rows] == ["the dog sleeps here", "the <b>cat</b> sings here"]
    assert [row["words"]["words"][-1] for row in rows] == ["here", "here"]
    assert len(document["examples"]) == document["examples_total"] == n + 2
    table = pd.read_parquet(tmp_path / "out" / "attributions.parquet")
    assert set(table["id"]) == {"own-1", "own-2"}
