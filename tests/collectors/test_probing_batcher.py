"""A SentEval batcher as a model: called as SentEval calls it, refused when it gives nonsense."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kdprobe.collectors.probes.batcher import probe_batcher
from kdprobe.errors import CapabilityError, ConfigError, UnknownNameError
from kdprobe.extract.probes.fits import ProbeOptions, fit_cells
from kdprobe.extract.probes.senteval_batcher import parameters, read_batcher
from kdprobe.tasks.probing.sets import make_set

WORDS = ("cat", "dog", "sun", "the", "sees", "big")


def bag(params: Any, batch: list[list[str]]) -> np.ndarray:
    """Count words: vectors in which length and words can be found."""
    return np.array([[words.count(word) for word in WORDS] for words in batch], dtype=np.float64)


@pytest.fixture
def own_task(tmp_path: Path) -> Path:
    """A person's own task: does the sentence speak of a cat? Its file lies beside the TOML."""
    rows = []
    for part, size in (("tr", 60), ("va", 20), ("te", 24)):
        for k in range(size):
            noun = "cat" if k % 2 else "dog"
            rows.append(
                f"{part}\t{'yes' if k % 2 else 'no'}\tthe {'big ' * (k % 5)}{noun} sees {k}"
            )
    (tmp_path / "cats.txt").write_text("\n".join(rows) + "\n")
    toml = tmp_path / "cats.toml"
    toml.write_text('name = "cats"\ngroup = "other"\ndescription = "A cat?"\nfile = "cats.txt"\n')
    return toml


def test_it_is_called_as_senteval_calls_it():
    """Guards against sentences read for other rows, and a batcher that gets strings."""
    rows = [("A" if k % 3 else "B", "cat " * (k % 4 + 1) + f"w{k}") for k in range(30)]
    asked = make_set("t", {"tr": rows, "va": rows[:7], "te": rows[5:12]}, origin="here")
    seen: list[list[list[str]]] = []
    prepared: list[int] = []

    def batcher(params: Any, batch: list[list[str]]) -> np.ndarray:
        seen.append(batch)
        assert params.mine == 3
        return bag(params, batch)

    given = parameters({"mine": 3, "batch_size": 8})
    data = read_batcher(
        batcher, asked, given, prepare=lambda params, samples: prepared.append(len(samples))
    )
    assert prepared == [44]
    assert [len(batch) for batch in seen] == [8, 8, 8, 6, 7, 7]
    lengths = [len(words) for batch in seen[:4] for words in batch]
    assert lengths == sorted(lengths)
    assert data.train.shape == (1, 30, 6)
    assert data.train[0, :, 0].tolist() == [k % 4 + 1 for k in range(30)]
    assert data.test[0, :, 0].tolist() == [k % 4 + 1 for k in range(5, 12)]
    assert data.y_train.tolist() == asked.train.labels.tolist()


def test_parameters_are_senteval_s_own_where_it_is_installed(monkeypatch: pytest.MonkeyPatch):
    """Guards against a batcher that asks its own module's type and finds another."""

    class DotDict(dict[str, object]):
        pass

    utils = ModuleType("senteval.utils")
    utils.dotdict = DotDict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "senteval", ModuleType("senteval"))
    monkeypatch.setitem(sys.modules, "senteval.utils", utils)
    assert type(parameters({"x": 1})) is DotDict
    assert parameters({"x": 1}) == {"batch_size": 128, "x": 1}
    monkeypatch.setitem(sys.modules, "senteval.utils", None)
    monkeypatch.setitem(sys.modules, "senteval", None)
    plain = parameters({"batch_size": 4})
    plain.vocabulary = {"a"}
    assert (plain.batch_size, plain["vocabulary"], plain.missing) == (4, {"a"}, None)


def test_an_own_task_is_probed_from_end_to_end(own_task: Path):
    """Guards against scores of other features than the batcher's, and tasks that are left out."""
    (score,) = probe_batcher(bag, tasks=[str(own_task)], sentences=1000)
    assert (score.task, score.train, score.test) == ("cats", 60, 24)
    assert score.origin == "file cats.txt"
    assert score.accuracy == 1.0
    assert score.majority == 0.5
    assert score.selectivity == score.accuracy - score.control
    (blind,) = probe_batcher(lambda params, batch: np.ones((len(batch), 2)),
                             tasks=[str(own_task)], sentences=1000)  # fmt: skip
    assert blind.accuracy == 0.5


def test_the_grammar_s_tasks_and_probes(own_task: Path):
    """Guards against a probe that is named and another that is fitted."""
    scores = probe_batcher(bag, tasks=["subj_number", str(own_task)], sentences=40,
                           probe="senteval", seed=1)  # fmt: skip
    assert [score.task for score in scores] == ["subj_number", "cats"]
    assert scores[0].origin == "embedded grammar, seed 1"
    with pytest.raises(UnknownNameError):
        probe_batcher(bag, tasks=["cats"])
    with pytest.raises(ConfigError, match="sentences: is 3, expected at least 20"):
        probe_batcher(bag, sentences=3)
    with pytest.raises(UnknownNameError, match=r"`probing\.probe`: no probe is called 'x'"):
        probe_batcher(bag, probe="x")


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (lambda n: np.ones(n), r"batcher: gives shape \[4\] for 4 sentences, expected one row of"),
        (lambda n: np.ones((n + 1, 2)), r"gives shape \[5, 2\] for 4 sentences"),
        (lambda n: np.full((n, 2), np.nan), "gives numbers that are not finite"),
        (lambda n: [["a"]] * n, "gives no numbers"),
        (lambda n: np.ones((n, n)), "gives rows of 2 and of 4 numbers"),
    ],
)
def test_nonsense_is_refused(gives: Any, message: str):
    """Guards against vectors that are broadcast, cut or stacked into something that trains."""
    rows = [("A" if k % 2 else "B", f"w{k}") for k in range(8)]
    asked = make_set("t", {"tr": rows, "va": rows[:4], "te": rows[:2]}, origin="here")
    with pytest.raises(CapabilityError, match=message):
        read_batcher(lambda params, batch: gives(len(batch)), asked, parameters({"batch_size": 4}))


def test_widths_that_change_within_a_part_are_refused():
    """Guards against a second batch written over the first one's columns."""
    rows = [("A" if k % 2 else "B", f"w{k}") for k in range(6)]
    asked = make_set("t", {"tr": rows, "va": rows[:4], "te": rows[:4]}, origin="here")
    with pytest.raises(CapabilityError, match="gives rows of 4 and of 2 numbers"):
        read_batcher(lambda params, batch: np.ones((len(batch), len(batch))), asked,
                     parameters({"batch_size": 4}))  # fmt: skip


def test_features_reach_the_probe_unchanged():
    """Guards against features and labels that no longer belong together."""
    rows = [("A" if k % 2 else "B", "cat sees" if k % 2 else "dog sees") for k in range(20)]
    asked = make_set("t", {"tr": rows, "va": rows[:6], "te": rows[:6]}, origin="here")
    data = read_batcher(bag, asked, parameters({}))
    assert fit_cells(data, ProbeOptions("logistic"))[0].hits.all()
