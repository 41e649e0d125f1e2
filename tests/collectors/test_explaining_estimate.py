"""How long explaining takes, said before it starts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kdprobe.collectors.attributions import estimate
from kdprobe.collectors.attributions.estimate import say_estimate
from kdprobe.extract.attributions import ExplanationRequest, explain_models
from kdprobe.extract.method import METHODS
from kdprobe.extract.passes import passes_of
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models import precision
from kdprobe.models.hf import open_hf
from kdprobe.models.open import open_model
from kdprobe.models.reader import Reader, Row
from kdprobe.models.texts_reader import reader_of
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.task import Task
from tests.models.tiny import tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
WORDS = ["the", "dog", "barks", "at", "a", "cat", "and", "the", "cat", "sees", "a", "dog"]


class Lines(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.said.append(message)


def sentence(n: int) -> Sentence:
    """Take a sentence of n words."""
    text = " ".join((WORDS * 3)[:n])
    return Sentence(f"{n}", (text,), split_words(text), 1)


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> ExplanationRequest:
    """A tiny BERT asked by methods of all kinds, without deletions."""
    place = tiny_checkpoint(tmp_path_factory.mktemp("m") / "bert", labels=TASK.labels)
    names = ("integrated_gradients", "lime", "shap", "occlusion")
    settings = {name: METHODS.load(name).options() for name in names}
    setting = ExplanationSettings(settings, deletion=False)
    handle = open_hf(str(place), name="m", task=TASK, device="cpu")
    return ExplanationRequest(handle, [sentence(8), sentence(20)], setting)


@pytest.mark.parametrize("name", ["lime", "shap", "occlusion"])
def test_passes_are_those_that_are_asked_for(
    name: str, request_of: ExplanationRequest, monkeypatch: pytest.MonkeyPatch
):
    """Guards against a time of other passes than a method's own: tokens that were run, counted."""
    handle, (short, long), setting = request_of
    alone = ExplanationSettings({name: setting.methods[name]}, deletion=False)
    own = Reader.logits
    run: list[int] = []

    def logits(reader: Reader, rows: Sequence[Row], *, at_once: bool = False) -> Floats:
        run.append(sum(len(ids) for ids, _ in rows))
        return own(reader, rows, at_once=at_once)

    for one in (short, long):
        n = len(one.words)
        run.clear()
        monkeypatch.setattr(Reader, "logits", logits)
        explain_models(
            [ExplanationRequest(handle, [one], alone)], title="", cache=None, progress=Silent()
        )
        monkeypatch.setattr(Reader, "logits", own)
        whole = len(reader_of(handle).encode(one.texts).ids)
        # special tokens stay, and texts that repeat are run once
        assert 0.5 < sum(run) / (passes_of(alone, n)[name] * whole) < 1.6


def test_what_is_enumerated_is_counted_once():
    """Guards against LIME and SHAP of a short text each paying for all its coalitions."""
    options = {name: METHODS.load(name).options() for name in ("shap", "lime")}
    setting = ExplanationSettings(options, deletion=False)
    assert passes_of(setting, 9) == {"shap": 256.0, "lime": 0.0}
    assert passes_of(setting, 20) == {"shap": 20.0 * 32, "lime": 500.0}


def test_one_line_names_the_time_and_what_bfloat16_saves(
    request_of: ExplanationRequest, monkeypatch: pytest.MonkeyPatch
):
    """Guards against a wait of unknown length, and advice on gradients, which stay in float32."""
    monkeypatch.setattr(estimate, "_WORTH", 0.0)
    monkeypatch.setattr(estimate, "_seconds_of_a_token", lambda *_: 0.01)
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)
    monkeypatch.setattr(precision, "_measured_ratio", lambda device: 2.5)
    lines = Lines()
    say_estimate([request_of, request_of._replace(sentences=[])], lines, jobs=4)
    (line,) = lines.said
    tokens = sum(
        sum(passes_of(request_of.setting, len(one.words)).values())
        * len(reader_of(request_of.handle).encode(one.texts).ids)
        for one in request_of.sentences
    )
    assert line.startswith("Explaining 2 sentences with 1 model, random weights included: about ")
    assert f"{tokens * 0.01 / 60:.0f} minutes in one process." in line  # of one piece
    assert "60% of what lime, shap, occlusion take" in line


def test_the_time_is_that_of_the_processes_that_share_it(
    request_of: ExplanationRequest, monkeypatch: pytest.MonkeyPatch
):
    """Guards against an hour that is said of work that four processes do in a quarter of it.

    Three pieces keep three of four processes busy; what takes seconds starts none.
    """
    monkeypatch.setattr(estimate, "_WORTH", 0.0)
    monkeypatch.setattr(estimate, "free_bytes", lambda: 64_000_000_000)
    tokens = sum(
        sum(passes_of(request_of.setting, len(one.words)).values())
        * len(reader_of(request_of.handle).encode(one.texts).ids)
        for one in request_of.sentences
    )
    for seconds, said in ((3600.0, "20 minutes in 3 processes."), (6.0, "6 seconds in one pro")):
        monkeypatch.setattr(estimate, "_seconds_of_a_token", lambda *_, s=seconds: s / 3 / tokens)
        lines = Lines()
        say_estimate([request_of] * 3, lines, jobs=4)
        assert (
            f"Explaining 2 sentences with 3 models, random weights included: about {said}"
            in (lines.said[0])
        )


def test_a_function_is_not_called_and_small_work_not_measured(request_of: ExplanationRequest):
    """Guards against calls that a person pays for, and seconds spent on saving seconds."""
    lines = Lines()
    called: list[list[str]] = []

    def function(texts: list[str]) -> list[list[float]]:
        called.append(texts)
        return [[0.4, 0.6]] * len(texts)

    handle = open_model(function, name="f", task=TASK, device="cpu", offline=True)
    before = len(called)
    say_estimate([request_of, request_of._replace(handle=handle)], lines)
    assert not lines.said
    assert len(called) == before
