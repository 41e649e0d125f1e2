"""One explained text: what is said beside its scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

import kdprobe
from kdprobe.attribution import attribute
from kdprobe.attribution.result import MethodScores, TextAttribution, lines_of, page_of
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.collectors.attributions.plan import plan_of
from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.hf import open_hf
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.numbers import show_number
from kdprobe.tasks.task import Split, Task
from tests.models.test_loaded import pair
from tests.models.tiny import tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


def explained(*, read: int = 2, gap: float | None = None, sampled: bool = False) -> TextAttribution:
    scores = MethodScores("deep_lift", (1.0, -0.5), gap, sampled)
    return TextAttribution("m", ("a", "dog"), (0, 0), read, "good", 0.5, (scores,))


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (explained(), ""),
        (explained(gap=0.009), ""),
        (explained(sampled=True), "sampled"),
        (explained(gap=0.344), "sum off by 34%"),
        (explained(read=1), "1 of 2 words read"),
        (explained(read=1, gap=2.0, sampled=True),
         "sampled, sum off by 200%, 1 of 2 words read"),
    ],
)  # fmt: skip
def test_a_line_says_what_must_be_known_of_its_scores(found: TextAttribution, note: str):
    """Guards against noise, broken sums and unread words behind a clean picture."""
    (line,) = lines_of([found])
    assert line.note == note
    assert [mark.score for mark in line.marks] == [1.0, -0.5]


def test_what_is_rounded_is_held_against_float32(tmp_path: Path):
    """Guards scores of bfloat16 shown as if they were the model's, and a note on what is not."""
    folder = str(tmp_path)
    tiny_checkpoint(tmp_path, labels=TASK.labels)
    text, methods = "the dog barks loudly", ("occlusion", "integrated_gradients")
    rounded, path, full = (
        attribute(model, text, methods=methods, offline=True, dtype=dtype)[0]
        for model, dtype in (
            (folder, "bf16"),
            (f"m={folder}?dtype=bf16", "float32"),
            (folder, "float32"),
        )
    )
    assert full.rounding == ""
    assert rounded.rounding == path.rounding
    moved = abs(rounded.probability - full.probability)
    assert 0 < moved < 0.05
    assert (
        f"bfloat16 beside float32: the probability lies {show_number(moved)} away"
        in rounded.rounding
    )
    for one, other in zip(rounded.methods, full.methods, strict=True):
        value = spearmanr(np.array(one.scores, float), np.array(other.scores, float))[0]
        assert f"{one.method} {value:.3f}" in rounded.rounding
    assert rounded.rounding in page_of([rounded])


SENTENCES = ("这部电影非常好看", "我不喜欢这个演员", "الفيلم جميل جدًا")


@pytest.fixture(scope="module")
def reads_characters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT whose tokens are Chinese and Arabic characters, its weights random."""
    letters = sorted({char for text in SENTENCES for char in text if not char.isspace()})
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    tokenizer = BertTokenizer(vocab={name: index for index, name in enumerate(names)})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = BertForSequenceClassification(
            BertConfig(
                vocab_size=len(names), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                intermediate_size=32, initializer_range=0.3, max_position_embeddings=32,
            )
        )  # fmt: skip
    folder = tmp_path_factory.mktemp("characters")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_chinese_sentence_has_words(reads_characters: Path):
    """Guards one score for the whole sentence, and blanks where a word was: plain transformers."""
    text = SENTENCES[0]
    (found,) = attribute(
        str(reads_characters), text, methods=("occlusion",), label="LABEL_1", offline=True
    )
    assert found.words == ("这", "部", "电影", "非常", "好看")
    assert found.cut.startswith("no blanks stand between words of Chinese characters: cut by ICU")
    tokenizer = BertTokenizer.from_pretrained(reads_characters)
    model = BertForSequenceClassification.from_pretrained(reads_characters).eval()

    def odds(part: str) -> float:
        with torch.no_grad():
            logits = model(**tokenizer(part, return_tensors="pt")).logits[0]
        return float(logits[1] - logits[0])

    expected = [odds(text) - odds(text.replace(word, "", 1)) for word in found.words]
    assert found.methods[0].scores == pytest.approx(expected, abs=1e-5)
    assert "no blanks stand between words of Chinese" in page_of([found])
    assert 'dir="rtl"' not in page_of([found])


def test_what_is_written_from_right_to_left_is_laid_out_so(reads_characters: Path):
    """Guards an Arabic sentence whose words stand in the order of a left-to-right reader."""
    (found,) = attribute(str(reads_characters), SENTENCES[2], methods=("occlusion",), offline=True)
    assert found.cut == ""
    assert len(found.words) == 3
    assert '<table class="words" dir="rtl">' in page_of([found])


def saved(folder: Path, side: str) -> str:
    """A tiny model of 12 tokens whose tokenizer cuts on one side."""
    place = tiny_checkpoint(folder / side, labels=TASK.labels, max_length=12)
    config = place / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "truncation_side": side}))
    return str(place)


def test_words_that_were_cut_off_on_the_left_have_no_score(tmp_path: Path):
    """Guards against "read 14 of 14" and a score of 0 for words that no model saw."""
    text = "the dog sleeps in a garden and she likes a funny film today ."
    (found,) = attribute(saved(tmp_path, "left"), text, methods=("occlusion",))
    scores = found.methods[0].scores
    assert (found.read, len(found.words)) == (10, 14)
    assert scores[:4] == (None,) * 4
    assert all(score is not None for score in scores[4:])
    (cut,) = attribute(saved(tmp_path, "right"), text, methods=("occlusion",))
    assert cut.methods[0].scores[10:] == (None,) * 4
    assert cut.read == 10


def test_two_models_that_cut_on_different_sides_are_explained_in_common(tmp_path: Path):
    """Guards against words that only one of the compared models read."""
    texts = ("the dog sleeps in a garden and she likes a funny film today .", "a dog")
    split = Split(TASK, "dev", ("0", "1"), texts)
    models = [
        [open_hf(saved(tmp_path, side), name=side, task=TASK, device="cpu")]
        for side in ("left", "right")
    ]
    roles = ("teacher", "student")
    said = tuple(
        Population(
            members[0].name,
            role,  # type: ignore[arg-type]
            (Predictions(members[0].name, split.ids, np.eye(2), "logits"),),
        )
        for members, role in zip(models, roles, strict=True)
    )
    study = Study(split=split, models=said, seed=0, resamples=10)
    plan = plan_of(study, models, AttributionRequest(methods=("occlusion",)))
    row = plan.ids.index("0")
    assert plan.sentences[row].texts == ("a garden and she likes a",)
    assert [word.text for word in plan.sentences[row].words] == plan.sentences[row].texts[0].split()
    assert all(word.text == plan.sentences[row].texts[0][word.start : word.end]
               for word in plan.sentences[row].words)  # fmt: skip
    assert plan.read[row].tolist() == [False] * 4 + [True] * 6 + [False] * 4


@pytest.mark.parametrize(
    ("models", "text", "keywords", "message"),
    [
        ("m", None, {}, "attribute() takes text as text, not NoneType"),
        ("m", "a dog", {"text_pair": 3}, "attribute() takes text_pair as text, not int"),
        (None, "a dog", {}, "`models` takes a path, a loaded model with its tokenizer, a pipeline"),
        ([], "a dog", {}, "`models`: none is named, expected at least one"),
        ("m", "a dog", {"methods": [5]}, "attribute() takes methods as one name or a list of"),
        ("m", "a dog", {"methods": None}, "attribute() takes methods as one name or a list of"),
        ("m", "a dog", {"seed": "x"}, "`seed`: is 'x', expected a whole number"),
    ],
)
def test_what_is_no_text_or_name_is_refused(models, text, keywords, message):
    """Guards a traceback from deep inside: `'NoneType' object is not iterable`."""
    with pytest.raises((TypeError, ConfigError)) as caught:
        attribute(models, text, **keywords)
    assert str(caught.value).startswith(message)


def test_what_is_in_memory_is_explained_as_its_folder(tmp_path: Path) -> None:
    """Guards other words for a model because it is handed over, and functions without any."""
    folder = tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    model, tokenizer = pair(folder)

    def predict(texts: list[str]) -> pd.DataFrame:
        with torch.no_grad():
            logits = [model.eval()(**tokenizer([text], return_tensors="pt")).logits[0]
                      for text in texts]  # fmt: skip
        return pd.DataFrame(torch.softmax(torch.stack(logits).double(), -1), columns=TASK.labels)

    text = "the dog sleeps"
    methods = ("occlusion", "lime", "shap")
    theirs = kdprobe.attribute(str(folder), text, methods=(*methods, "integrated_gradients"))
    ours = kdprobe.attribute(
        {"m": (model, tokenizer)}, text, methods=(*methods, "integrated_gradients")
    )
    assert ours.models == theirs.models
    named = kdprobe.attribute({"f": predict, "m": str(folder)}, text, methods=methods)
    for method in methods:
        scores = named.get(method, "f").scores
        assert scores == pytest.approx(named.get(method, "m").scores, abs=2e-4)
    with pytest.raises(CapabilityError) as caught:
        kdprobe.attribute(predict, text)
    assert str(caught.value) == (
        "predict: integrated_gradients cannot explain it: a function of texts has no gradients, "
        "expected a method that leaves words out: lime, shap, occlusion"
    )
    for wrong in (len, lambda texts: [[0.5, 0.5], [1.0]]):
        with pytest.raises(CapabilityError, match="f: its function gives no probabilities"):
            kdprobe.attribute({"f": wrong}, text)


def test_what_a_function_raises_is_one_message() -> None:
    """Guards a traceback of somebody else's code at the first call, which looks for labels."""

    def fails(texts: list[str]) -> None:
        raise LookupError("no such text")

    with pytest.raises(CapabilityError) as caught:
        kdprobe.attribute({"f": fails}, "the dog", methods="shap")
    assert str(caught.value) == (
        "f: the function fails failed for 1 texts, the first is 'the dog' (LookupError: no such "
        "text), expected outputs of a list of texts"
    )


def test_a_function_names_its_labels() -> None:
    """Guards `0` and `1` in the place of names that a function has for its columns."""

    def mood(texts: list[str]) -> list[list[float]]:
        return [[0.1, 0.9] if "good" in text else [0.8, 0.2] for text in texts]

    mood.labels = ["sad", "glad"]  # type: ignore[attr-defined]
    explained = kdprobe.attribute({"f": mood}, "a good day", methods="shap").models[0]
    assert explained.explained == "glad"
    assert explained.probability == pytest.approx(0.9)
