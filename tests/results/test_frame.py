"""The frame of numbers: names stay what they are, columns keep their types."""

import pytest

from kdprobe.results.frame import NUMBER_COLUMNS, metrics_frame
from kdprobe.results.io import CSV_COLUMNS, metrics_csv
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, ResultsDocument
from tests.results.test_io import document


def with_estimates(*estimates: Estimate) -> ResultsDocument:
    names = dict.fromkeys(estimate.metric for estimate in estimates)
    metrics = tuple(Metric(name=name, label=name, definition="Equal labels.") for name in names)
    result = AnalysisResult(
        name="agreement", version=1, title="Agreement", metrics=metrics, estimates=estimates
    )
    return document().model_copy(update={"analyses": (result,)})


@pytest.mark.parametrize("name", ["None", "NA", "nan", "", "@s", "=x", "+1", "-2", "007", "1e3"])
def test_names_stay_what_they_are(name: str) -> None:
    """A frame read back from CSV makes NaN of `None` and `NA`, 7 of `007`, and quotes `@s`."""
    (row,) = metrics_frame(
        with_estimates(Estimate(metric="agreement", model_a="t", model_b=name, value=0.5, n=2))
    ).to_dict("records")
    assert row["model_b"] == name
    assert type(row["model_b"]) is str


def test_only_the_file_guards_against_formulas() -> None:
    """A model `@s` that a spreadsheet computes, or a frame whose names carry its apostrophe."""
    made = with_estimates(Estimate(metric="agreement", model_a="@s", value=0.5, n=2))
    assert "'@s" in metrics_csv(made)
    assert metrics_frame(made)["model_a"].tolist() == ["@s"]


def test_types_do_not_depend_on_the_rows() -> None:
    """Columns of which all, or none, are undefined come back as objects, and sums fail."""
    undefined = Estimate(metric="agreement", model_a="t", undefined="no rows in common")
    defined = Estimate(
        metric="agreement", model_a="t", value=0.5, low=0.25, high=0.75, p_value=0.5, n=8
    )
    for estimates in ((), (undefined,), (defined,), (undefined, defined)):
        frame = metrics_frame(with_estimates(*estimates))
        assert tuple(frame.columns) == CSV_COLUMNS
        assert len(frame) == len(estimates)
        types = {name: str(frame[name].dtype) for name in CSV_COLUMNS}
        assert {types[name] for name in NUMBER_COLUMNS} == {"float64"}
        assert types["n"] == "Int64"
        texts = set(CSV_COLUMNS) - set(NUMBER_COLUMNS) - {"n"}
        assert {types[name] for name in texts} == {"object"}
    frame = metrics_frame(with_estimates(undefined, defined))
    assert frame["value"].isna().tolist() == [True, False]
    assert frame["value"].tolist()[1] == 0.5
    assert frame["undefined"].tolist() == ["no rows in common", ""]
    assert frame["n"].isna().tolist() == [True, False]
