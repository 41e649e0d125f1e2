"""The Python functions that a notebook uses."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

import kdprobe
from kdprobe.collectors.attention_similarity.options import AttentionOptions
from kdprobe.collectors.causal_use.options import CausalUseOptions
from kdprobe.collectors.similarity.options import SimilarityOptions
from kdprobe.comparison.options import compare_options
from kdprobe.errors import ConfigError, OutputError, UnknownNameError, UsageError
from tests.cli.scene import gold, write_predictions, write_task


def test_compare_and_load(tmp_path: Path) -> None:
    """What `load_results` gives must be what `compare` gave."""
    task = write_task(tmp_path)
    teacher = write_predictions(tmp_path / "t.jsonl", gold(tmp_path), seed=1)
    student = write_predictions(tmp_path / "<s>.jsonl", gold(tmp_path), seed=2, skill=0.5)
    made = kdprobe.compare(
        str(teacher), str(student), task=str(task), output=tmp_path / "out", resamples=100
    )
    again = kdprobe.load_results(tmp_path / "out")
    assert again.document == made.document
    assert kdprobe.load_results(tmp_path / "out" / "results.json").document == made.document
    assert made.html().encode() == (tmp_path / "out" / "report.html").read_bytes()
    shown = made._repr_html_()
    assert "&lt;s&gt;" in shown
    assert "<s>" not in shown.replace("&lt;s&gt;", "")
    assert "agrees with the teacher on" in repr(made)
    assert "&lt;s&gt; is worse than the teacher by accuracy" in made.summary()
    frame = made.metrics
    assert {"analysis", "metric", "value", "n"} <= set(frame.columns)
    texts = frame[["layer", "pooling", "subset"]].to_numpy().ravel()
    assert all(isinstance(cell, str) for cell in texts)
    assert frame.value.dtype == "float64"
    assert frame.n.dtype == "Int64"
    assert (frame.value.isna() == (frame.undefined != "")).all()
    kappa = frame[(frame.metric == "cohens_kappa") & (frame.method == "")].value.iloc[0]
    found = made.document.find("agreement", "cohens_kappa", "t", "<s>")
    assert found is not None
    assert kappa == pytest.approx(found.value)
    assert "<a href=" in shown
    assert "<th>t (teacher)</th>" in shown
    assert made.write_report(tmp_path / "again.html") == tmp_path / "again.html"
    assert (tmp_path / "again.html").read_text() == made.html()


def test_the_same_seed_gives_the_same_numbers_and_skipping_moves_none(tmp_path: Path) -> None:
    """A number that depends on which other analyses ran cannot be repeated."""
    task = write_task(tmp_path)
    teacher = write_predictions(tmp_path / "t.jsonl", gold(tmp_path), seed=1)
    student = write_predictions(tmp_path / "s.jsonl", gold(tmp_path), seed=2, skill=0.5)
    common = {"task": str(task), "resamples": 100}
    whole = kdprobe.compare(str(teacher), [str(student)], **common)  # type: ignore[arg-type]
    part = kdprobe.compare(str(teacher), [str(student)], only=["agreement"], **common)  # type: ignore[arg-type]
    other = kdprobe.compare(str(teacher), [str(student)], only=["agreement"], seed=7, **common)  # type: ignore[arg-type]
    assert part.document.analysis("agreement") == whole.document.analysis("agreement")
    assert part.document.analysis("agreement") != other.document.analysis("agreement")


@pytest.mark.parametrize("kind", ["pandas", "datasets"])
def test_examples_may_be_at_hand(tmp_path: Path, kind: str) -> None:
    """A frame that must first be saved under a name, or whose labels become other ones."""
    write_task(tmp_path)
    rows = gold(tmp_path)
    files = [write_predictions(tmp_path / f"{name}.jsonl", rows, seed=seed)
             for seed, name in enumerate("ts")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["text", "label", "genre"])
    task: Any = frame
    if kind == "datasets":
        features = Features(
            text=Value("string"), label=ClassLabel(names=["bad", "good"]), genre=Value("string")
        )
        indices = frame.assign(label=[["bad", "good"].index(name) for name in frame.label])
        task = Dataset.from_pandas(indices, features=features)
    result = kdprobe.compare(
        str(files[0]), str(files[1]), task=task, resamples=100, only=["task_scores"],
        slice_columns=["genre"],
    )  # fmt: skip
    whole = kdprobe.compare(
        str(files[0]), str(files[1]), task=tmp_path / "toy.toml", resamples=100,
        only=["task_scores"],
    )  # fmt: skip
    assert result.document.task.label_counts == whole.document.task.label_counts
    assert result.get("accuracy", "s").value == whole.get("accuracy", "s").value


def test_splits_may_be_at_hand(tmp_path: Path) -> None:
    """Another split than a task file's default, or one that cannot be chosen."""
    write_task(tmp_path)
    rows = gold(tmp_path)
    file = write_predictions(tmp_path / "t.jsonl", rows, seed=1)
    frame = pd.DataFrame(rows, columns=["text", "label", "genre"])
    task = {"train": frame.head(7), "validation": frame.tail(len(frame) - 7)}
    options: dict[str, Any] = {"resamples": 100, "only": ["task_scores"]}
    both = [f"t={file}", f"s={file}"]
    result = kdprobe.compare(both[0], both[1], task=task, **options)
    assert (result.document.task.split, result.document.task.n) == ("dev", len(frame) - 7)
    data = DatasetDict({name: Dataset.from_pandas(part) for name, part in task.items()})
    result = kdprobe.compare(both[0], both[1], task=data, split="train", **options)
    assert (result.document.task.split, result.document.task.n) == ("train", 7)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (pd.DataFrame({"text": ["a", "b"], "label": [1, "x"]}), "`task`: its columns cannot be"),
        (
            {"train": pd.DataFrame({"text": ["a"], "label": ["x"], "split": ["dev"]})},
            "`task`, train: its columns cannot be read as a table (a column 'split' beside the",
        ),
        ({"train": 3}, "`task`: is a dict, expected"),
    ],
)
def test_what_is_no_table_is_refused_in_our_words(task: Any, message: str) -> None:
    """An error of pyarrow's about conversions, or of pandas's."""
    with pytest.raises(UsageError) as caught:
        kdprobe.compare("t", "s", task=task)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"limt": 3}, "compare() has no keyword 'limt'; did you mean 'limit'?"),
        ({"minimal_pair": 3}, "compare() has no keyword 'minimal_pair'; did you mean "
                              "'minimal_pairs'?"),
        ({"seed": 3, "analyses": kdprobe.AnalysisOptions(seed=3)},
         "compare() has 'seed' twice: as a keyword and in analyses"),
    ],
)  # fmt: skip
def test_a_keyword_that_there_is_not(keywords: dict[str, Any], message: str) -> None:
    """A misspelt option that is taken and not used."""
    with pytest.raises(TypeError) as caught:
        kdprobe.compare("t", "s", **keywords)
    assert str(caught.value) == message


def test_numbers_are_taken_by_name(tmp_path: Path) -> None:
    """A number of another student, layer or analysis that is handed out as the one asked for."""
    task = write_task(tmp_path)
    files = [write_predictions(tmp_path / f"{name}.jsonl", gold(tmp_path), seed=seed)
             for seed, name in enumerate(("t", "s1", "s2"))]  # fmt: skip
    result = kdprobe.compare(str(files[0]), [*map(str, files[1:])], task=str(task), resamples=100)
    for student in ("s1", "s2"):
        assert result.get("agreement", student) == result.document.find(
            "agreement", "agreement", "t", student
        )
        assert result.get("accuracy", student).model_a == student
        assert result.get("label_loyalty", student) == result.get("agreement", student)
        assert result.get("Flip-Rate", student) == result.get("churn", student)
        assert result.get("kappa", student).metric == "cohens_kappa"
    assert result.get("accuracy", "t").model_a == "t"
    for (metric, student), words in (
        (("agrement", "s1"), "did you mean 'agreement'"),
        (("label_loyality", "s1"), "did you mean 'label_loyalty'"),
        (("agreement", "s3"), "expected one of t, s1, s2"),
    ):
        with pytest.raises(UnknownNameError, match=words):
            result.get(metric, student)
    with pytest.raises(ConfigError, match="numbers go by it, expected one; say student= one of"):
        result.get("accuracy")


def test_saving_again(tmp_path: Path) -> None:
    """A saved comparison that reads back as another one, or replaces what stands there."""
    labels = [0, 1, 1, 0, 1, 0]
    made = kdprobe.compare_predictions(
        labels, teacher=labels, students={"s": [0, 1, 0, 0, 1, 1]}, resamples=100
    )
    made.save(tmp_path / "out")
    names = {"results.json", "report.html", "metrics.csv", "predictions.parquet"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert kdprobe.load_results(tmp_path / "out").document == made.document
    with pytest.raises(OutputError):
        made.save(tmp_path / "out")
    kdprobe.load_results(tmp_path / "out").save(tmp_path / "again")
    assert (tmp_path / "again" / "metrics.csv").read_bytes() == (
        tmp_path / "out" / "metrics.csv"
    ).read_bytes()


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    """Each impossible option is named before anything is opened."""
    with pytest.raises(ConfigError, match="`students`: none is named, expected at least one"):
        kdprobe.compare("t", [], task="cola")
    for option, words in (
        ({"resamples": 1}, "`resamples`: is 1, expected at least 100"),
        ({"limit": 0}, "`limit`: is 0, expected at least 1"),
        ({"batch_size": 0}, "`batch_size`: is 0, expected at least 1"),
        ({"skip": kdprobe_analyses()}, "no analysis is left to run"),
    ):
        with pytest.raises(ConfigError, match=words):
            kdprobe.compare("t", ["s"], task="grammar", **option)


def kdprobe_analyses() -> tuple[str, ...]:
    """All names, to skip them all."""
    from kdprobe.analysis.protocol import ANALYSES

    return ANALYSES.names()


def test_public_names() -> None:
    """A public name that is missing is found out by a user."""
    assert set(kdprobe.__all__) <= set(dir(kdprobe))
    for name in kdprobe.__all__:
        assert getattr(kdprobe, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        kdprobe.nothing  # noqa: B018


def test_short_keywords_ask_for_layers_attention_and_erasures() -> None:
    """Guards a keyword that stands for another option, or that asks for what nobody named."""
    given = {"similarity": 200, "attention": 50, "causal_use": ["past_present"]}
    evidence = compare_options(given).evidence
    assert set(evidence) == {"similarity", "attention_similarity", "causal_use"}
    assert evidence["similarity"] == SimilarityOptions(sentences=200)
    assert evidence["attention_similarity"] == AttentionOptions(examples=50)
    assert evidence["causal_use"] == CausalUseOptions(properties=("past_present",))
    assert not compare_options({}).evidence
    for keyword, value, where in (
        ("similarity", 4, "`similarity.sentences`"),
        ("attention", 1, "`attention_similarity.examples`"),
        ("causal_use", ["tens"], "tens"),
        ("causal_use", "past_present", "`causal_use.properties`"),
    ):
        with pytest.raises(UsageError, match=where):
            compare_options({keyword: value})
    both = {"similarity": SimilarityOptions(sentences=9)}
    with pytest.raises(TypeError, match="has the options of 'similarity' twice"):
        compare_options({"similarity": 9}, collectors=both)
