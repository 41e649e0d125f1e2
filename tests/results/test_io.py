"""Reading and writing results documents."""

import csv
import io as text_io
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from kdprobe.errors import OutputError, ResultsFormatError
from kdprobe.results import io
from kdprobe.results.renamed import RENAMED
from kdprobe.results.schema import (
    SCHEMA_VERSION,
    AnalysisResult,
    Curve,
    Estimate,
    Example,
    ExamplePrediction,
    Matrix,
    Metric,
    ModelInfo,
    ProducedBy,
    Request,
    ResultsDocument,
    Series,
    Table,
    TaskInfo,
)


def document() -> ResultsDocument:
    """A small document with one defined and one undefined number."""
    agreement = AnalysisResult(
        name="agreement",
        version=1,
        title="Agreement",
        metrics=(Metric(name="agreement", label="agreement", definition="Equal predictions."),),
        estimates=(
            Estimate(
                metric="agreement", model_a="t", model_b="s", value=0.5, low=0.4, high=0.6, n=9
            ),
            Estimate(metric="agreement", model_a="t", model_b="=1+1", undefined="no rows", n=0),
        ),
        matrices=(
            Matrix(
                name="m", title="M", row_title="r", column_title="c",
                rows=("a",), columns=("b",), values=((None,),),
            ),
        ),
        curves=(
            Curve(
                name="c", title="C", x_title="x", y_title="y", series=(Series(name="s", x=(1.0,)),)
            ),
        ),
    )  # fmt: skip
    return ResultsDocument(
        produced_by=ProducedBy(kdprobe="0.1.0", python="3.11", platform="test"),
        request=Request(command="kdprobe compare t s", seed=0),
        task=TaskInfo(
            name="toy", version=1, kind="classification", labels=("no", "yes"),
            primary_score="mcc", split="dev", n=9, fingerprint="f",
        ),
        models=(
            ModelInfo(name="t", role="teacher", source="transformers", folder="t"),
            ModelInfo(name="s", role="student", source="predictions file", folder="s.tsv"),
        ),
        analyses=(agreement,),
    )  # fmt: skip


def test_round_trip_is_exact_and_canonical(tmp_path: Path) -> None:
    """A document that changes on its way through the file would render other numbers."""
    path = tmp_path / "results.json"
    io.write_document(document(), path)
    again = io.read_document(path)
    assert again == document()
    assert io.dumps(again) == path.read_text(encoding="utf-8")
    assert io.read_document(tmp_path) == again
    assert list(json.loads(path.read_text())) == sorted(json.loads(path.read_text()))


def test_an_estimate_without_value_needs_a_reason() -> None:
    """A null that means both zero and unknown is the damage that cannot be repaired later."""
    with pytest.raises(ValidationError, match="give a value or the reason"):
        Estimate(metric="kappa", model_a="t")
    with pytest.raises(ValidationError, match="not both"):
        Estimate(metric="kappa", model_a="t", value=0.0, undefined="constant")
    with pytest.raises(ValidationError, match="finite"):
        Estimate(metric="kappa", model_a="t", value=float("nan"))
    with pytest.raises(ValidationError, match="needs both ends"):
        Estimate(metric="kappa", model_a="t", value=0.1, low=0.0)
    with pytest.raises(ValidationError, match=r"interval 0\.3 > 0\.2"):
        Estimate(metric="kappa", model_a="t", value=0.1, low=0.3, high=0.2)


def test_shapes_and_definitions_are_checked() -> None:
    """A ragged table or an unexplained number would be shown under the wrong heading."""
    with pytest.raises(ValidationError, match="has no definition"):
        AnalysisResult(
            name="a",
            version=1,
            title="A",
            estimates=(Estimate(metric="x", model_a="t", value=1.0),),
        )
    with pytest.raises(ValidationError, match="1 cells, 0 columns"):
        Table(name="t", title="T", columns=(), rows=(("a",),))
    with pytest.raises(ValidationError, match="series s: 1 labels, 2 x"):
        Series(name="s", x=(1.0, 2.0), y=(0.0, 0.0), labels=("a",))
    with pytest.raises(ValidationError, match="do not fit"):
        Matrix(
            name="m", title="M", row_title="", column_title="", rows=("a",), columns=(), values=()
        )
    with pytest.raises(ValidationError, match="sure do not fit"):
        Matrix(
            name="m", title="M", row_title="", column_title="", rows=("a",), columns=("b",),
            values=((0.1,),), sure=((0.1,), (0.2,)),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "r.json:1: is not JSON (Expecting property name enclosed in double quotes), "
              "expected a results.json that kdprobe wrote"),
        ("[]", "r.json: has no schema_version, expected a results.json that kdprobe wrote"),
        ('{"schema_version": 99}', "r.json: has schema version 99, expected at most 2, the newest "
                                   "this kdprobe reads; update kdprobe"),
        ('{"schema_version": 1, "document": "suite"}',
         "r.json: is the document of a suite, expected a results.json that kdprobe wrote"),
        ('{"schema_version": 0}', "r.json: has schema version 0, expected a version from 1 on"),
        ('{"schema_version": 2, "task": 3}',
         "r.json: produced_by: Field required, expected a document of schema version 2; "
         "was the file edited by hand?"),
    ],
)  # fmt: skip
def test_bad_documents_are_refused_by_name(text: str, message: str) -> None:
    """A newer or edited file half understood would show numbers under old meanings."""
    with pytest.raises(ResultsFormatError) as caught:
        io.loads(text, where="r.json")
    assert str(caught.value) == message


def test_unreadable_files(tmp_path: Path) -> None:
    """A missing file must not end in a traceback."""
    with pytest.raises(ResultsFormatError, match=r"none.json: cannot be read \(No such file"):
        io.read_document(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ResultsFormatError, match="not UTF-8"):
        io.read_document(tmp_path / "latin.json")


def test_write_failure_leaves_nothing(tmp_path: Path) -> None:
    """A half-written document would be read as a whole one by the next run."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        io.write_document(document(), tmp_path / "file" / "results.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_metrics_csv_has_one_row_a_number_and_no_formulas() -> None:
    """A model's name run as a spreadsheet formula is a hole; an empty cell is not a zero."""
    rows = list(csv.DictReader(text_io.StringIO(io.metrics_csv(document()))))
    assert [row["value"] for row in rows] == ["0.5", ""]
    assert rows[0]["ci_low"] == "0.4"
    assert rows[1]["undefined"] == "no rows"
    assert rows[1]["model_b"] == "'=1+1"
    assert tuple(rows[0])[:14] == (
        "analysis", "metric", "model_a", "model_b", "subset", "layer", "pooling", "method",
        "value", "ci_low", "ci_high", "p_value", "n", "undefined",
    )  # fmt: skip


def test_schema_file_is_current() -> None:
    """A schema file that lags behind the code misleads everyone who reads results elsewhere."""
    file = Path(io.__file__).with_name("schema-v2.json")
    current = json.dumps(ResultsDocument.model_json_schema(), indent=1, sort_keys=True) + "\n"
    assert file.read_text(encoding="utf-8") == current, "run `make golden`"


def test_golden_document_still_reads() -> None:
    """Every past version of the document must stay readable for ever."""
    golden = Path(__file__).parents[1] / "golden"
    for file in sorted(golden.glob("results-v*.json")):
        assert io.read_document(file).schema_version == SCHEMA_VERSION
    for version in range(1, SCHEMA_VERSION + 1):
        assert (golden / f"results-v{version}.json").is_file(), f"the file of version {version}"
    with pytest.raises(ResultsFormatError, match="update kdprobe"):
        io.read_document(golden / "results-future.json")


def test_old_names_of_a_document_are_renamed() -> None:
    """A results.json of version 1 that is refused, or whose gaps and analyses no section finds.

    The file was written by kdprobe as it was then.
    """
    file = Path(__file__).parents[1] / "golden" / "results-v1-names.json"
    old = json.loads(file.read_text(encoding="utf-8"))
    new = io.read_document(file)
    assert [result["name"] for result in old["analyses"]] == [
        "alarms", "buckets", "task_scores", "slices", "lists", "losses",
    ]  # fmt: skip
    assert [result.name for result in new.analyses] == [
        "sanity_checks", "correctness_groups", "task_scores", "slices", "exemplary_cases",
        "student_gaps",
    ]  # fmt: skip
    for before, after in zip(old["analyses"], new.analyses, strict=True):
        gaps = [gap.model_dump(mode="json") for gap in after.gaps]
        assert gaps == before["losses"]
        assert len(after.estimates) == len(before["estimates"])
    assert new.analyses[-1].gaps
    assert new.analyses[-1].tables[0].name == "gaps"
    assert new.analyses[1].tables[0].name == "groups"
    assert new.skipped[0].what == "exemplary_cases"
    assert new.timings["analysis student_gaps"] == old["timings"]["analysis losses"]
    assert new.timings["analysis slices"] == old["timings"]["analysis slices"]
    assert new.request.options["analyses"] == [result.name for result in new.analyses]
    assert new.request.command == old["request"]["command"]  # as typed
    assert set(RENAMED) & {result["name"] for result in old["analyses"]} == set(RENAMED)
    for name, now in RENAMED.items():
        assert new.analysis(name) is new.analysis(now) is not None
    assert io.loads(io.dumps(new)) == new


def test_only_the_column_of_analyses_changes_in_metrics_csv() -> None:
    """A migration that moves, drops or reorders a number."""
    file = Path(__file__).parents[1] / "golden" / "results-v1-names.json"
    old = json.loads(file.read_text(encoding="utf-8"))
    rows = list(csv.DictReader(text_io.StringIO(io.metrics_csv(io.read_document(file)))))
    numbers = [
        (RENAMED.get(result["name"], result["name"]), number)
        for result in old["analyses"]
        for number in result["estimates"]
    ]
    assert len(rows) == len(numbers) > 20
    for row, (name, number) in zip(rows, numbers, strict=True):
        assert row["analysis"] == name
        assert row["metric"] == number["metric"]
        assert row["subset"] == number["subset"]
        assert row["value"] == ("" if number["value"] is None else repr(number["value"]))


def test_a_broken_old_document_is_refused_by_name() -> None:
    """A traceback of the migration where a document of version 1 has another shape."""
    for text in (
        '{"schema_version": 1, "analyses": 3}',
        '{"schema_version": 1, "analyses": [3, {"name": 4, "tables": [5]}]}',
        '{"schema_version": 1, "request": {"options": {"analyses": 7}}, "timings": [1]}',
        '{"schema_version": 1, "request": {"options": {"analyses": [[1]]}}, "skipped": {"a": 1}}',
    ):
        with pytest.raises(ResultsFormatError, match="edited by hand"):
            io.loads(text)


HIGHLIGHTS = Path(__file__).parents[1] / "golden" / "results-v2-highlights.json"


def test_word_scores_of_an_older_document_stand_once() -> None:
    """An old table of a row a word that is lost, or drawn as 66 rows of numbers.

    The file was written by kdprobe as it was then, and cut to one method and two sentences.
    """
    old = json.loads(HIGHLIGHTS.read_text(encoding="utf-8"))
    (before,) = old["analyses"][0]["tables"]
    new = io.read_document(HIGHLIGHTS)
    (table,) = new.analyses[0].tables
    assert table.name == "explained_sentences"
    assert table.caption == before["caption"]
    assert list(table.rows) == list({row[0]: tuple(row[:2]) for row in before["rows"]}.values())
    scores = {(row[0], row[3], row[4], row[5]): (row[6], row[7]) for row in before["rows"]}
    for example, held in zip(new.examples, old["examples"], strict=True):
        assert example.words is not None
        for line in example.words.scores:
            for place, cell in enumerate(zip(example.words.words, line.scores, strict=True)):
                assert cell == scores.pop((example.id, line.method, line.model, place))
        was = Example.model_validate(held | {"words": None})
        assert example.model_copy(update={"words": None}) == was
        assert example.words.second is None
        words = example.words.model_dump(mode="json", exclude={"scores", "second"})
        held["words"].pop("scores")
        assert words == held["words"]
    assert not scores
    assert io.loads(io.dumps(new)) == new


def test_an_example_without_words_gets_those_of_the_table() -> None:
    """A sentence whose scores stood in the table alone, and are gone with it."""
    old = json.loads(HIGHLIGHTS.read_text(encoding="utf-8"))
    whole = io.read_document(HIGHLIGHTS)
    empty: dict[str, object] = {"agreement": [], "explained": None, "scores": [], "words": []}
    for words in (empty, None):
        old["examples"][0]["words"] = words
        (first, second) = io.loads(json.dumps(old)).examples
        assert second == whole.examples[1]
        wanted = whole.examples[0].words
        assert wanted is not None
        kept = () if words is None else first.words and first.words.agreement
        assert first.words == wanted.model_copy(update={"agreement": kept})


def test_an_old_table_that_cannot_be_moved_stays() -> None:
    """Scores that vanish because no example is there to hold them, or the table was edited."""
    old = json.loads(HIGHLIGHTS.read_text(encoding="utf-8"))
    before = old["analyses"][0]["tables"][0]
    gone = old["examples"].pop(0)["id"]
    (table,) = io.loads(json.dumps(old)).analyses[0].tables
    assert table.name == "highlights"
    assert len(table.rows) == len(before["rows"])
    assert any(row[0] == gone for row in table.rows)
    before["rows"] = [[[1]] * 8]
    with pytest.raises(ResultsFormatError, match="edited by hand"):
        io.loads(json.dumps(old))


def test_what_has_its_default_is_not_written_and_read_as_ever() -> None:
    """Guards against a value taken for its default: 0 for None, or a level of one's own."""
    plain = Estimate(metric="a", model_a="s", value=0.0, n=0, p_value=0.0)
    own = Estimate(metric="a", model_a="s", model_b="t", subset="hard", layer="0", pooling="mean",
                   method="m", value=1.0, low=0.0, high=1.0, level=0.9, interval="exact",
                   q_value=0.0, n=3, note="n")  # fmt: skip
    assert json.loads(plain.model_dump_json()) == {
        "metric": "a", "model_a": "s", "value": 0.0, "n": 0, "p_value": 0.0,
    }  # fmt: skip
    for one in (plain, own):
        written = json.loads(one.model_dump_json())
        assert Estimate.model_validate(written) == one
        filled = {name: getattr(one, name) for name in Estimate.model_fields}
        assert Estimate.model_validate_json(json.dumps(filled)) == one
    gold = Example(id="e", text="t", label=0, predictions=(ExamplePrediction(model="s", label=0),))
    assert json.loads(gold.model_dump_json()) == {
        "id": "e", "text": "t", "label": 0, "predictions": [{"model": "s", "label": 0}],
    }  # fmt: skip


def test_a_large_matrix_of_zeros_is_written_by_its_other_cells() -> None:
    """Guards against a cell that moves, and files that grow with the square of the labels."""
    names = tuple(f"c{place}" for place in range(300))
    values = [[0.0] * 300 for _ in names]
    for place in range(300):
        values[place][place], values[place][(7 * place) % 300] = 3.0, 2.0
    one = Matrix(name="m", title="M", row_title="r", column_title="c", rows=names, columns=names,
                 values=tuple(map(tuple, values)))  # fmt: skip
    text = one.model_dump_json()
    assert len(text) < 15_000
    assert Matrix.model_validate_json(text, strict=True) == one
    assert Matrix.model_validate(one.model_dump()) == one
    nine = {"rows": names[:9], "columns": names[:9]}
    for update in (
        {**nine, "values": tuple(tuple(row[:9]) for row in values[:9])},
        {"values": ((None,) * 300, *one.values[1:])},
        {"values": ((0.0,) * 300,) * 300},
    ):
        other = one.model_copy(update=update)
        assert "filled" not in json.loads(other.model_dump_json())
        assert Matrix.model_validate_json(other.model_dump_json()) == other
    outside = json.loads(text) | {"filled": [[300, 0, 1.0]]}
    with pytest.raises(ValueError, match="a cell is outside"):
        Matrix.model_validate(outside)
