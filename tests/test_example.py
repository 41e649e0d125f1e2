"""The committed example is what this kdprobe would write.

Its bytes are those of the machine it was made on: two runs on one machine are equal
(`tests/cli/test_demo.py`), and on another the verdict is the same and its numbers lie within the
tolerance of `tests/same_verdict.py`.
"""

import re
from pathlib import Path

from kdprobe.report.build import render
from kdprobe.results.io import metrics_csv, read_document
from kdprobe.results.schema import Estimate, ResultsDocument
from tests.same_verdict import differences

EXAMPLE = Path(__file__).parents[1] / "reports" / "example"


def test_the_example_page_is_current() -> None:
    """A README that shows an old page promises what the program no longer does.

    After a change of the page that was meant: `kdprobe report reports/example`; after a change of
    the analyses: `make example`.
    """
    document = read_document(EXAMPLE)
    assert (EXAMPLE / "report.html").read_text(encoding="utf-8") == render(document)
    assert (EXAMPLE / "metrics.csv").read_text(encoding="utf-8") == metrics_csv(document)


def test_the_example_names_no_place_of_its_maker() -> None:
    """A committed report must not carry the folders of the machine it was made on."""
    text = (EXAMPLE / "results.json").read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|usr|mnt|var|opt|Users)/", text)


def test_the_example_shows_its_point() -> None:
    """Guards the first page a reader sees: a teacher that learnt, and what it added."""
    document = read_document(EXAMPLE)
    assert differences(document, document) == []


def changed(document: ResultsDocument, metric: str, model: str, value: float) -> ResultsDocument:
    def moved(each: Estimate) -> Estimate:
        about = model in (each.model_a, each.model_b) and each.model_b in ("", model)
        return each.model_copy(update={"value": value}) if about and each.metric == metric else each

    return document.model_copy(
        update={
            "analyses": tuple(
                result.model_copy(update={"estimates": tuple(map(moved, result.estimates))})
                for result in document.analyses
            )
        }
    )


def test_another_verdict_is_not_let_pass() -> None:
    """Guards the comparison of two machines against one that passes everything."""
    document = read_document(EXAMPLE)
    teacher, student = (
        differences_of(document, "mcc", "teacher", 0.5),
        differences_of(document, "agreement", "kd-student", 0.5),
    )
    assert teacher == ["the teacher's MCC is 0.500"]
    assert student == ["the control agrees with the teacher as often as the student"]
    (high,) = differences_of(document, "mcc", "kd-student", 0.99)
    assert high.startswith("mcc of kd-student: 0.990 and ")
    silent = document.model_copy(update={"warnings": ()})
    assert differences(silent, document) == [
        "nothing says that the teacher added something beyond noise"
    ]
    fewer = document.model_copy(
        update={"analyses": tuple(a for a in document.analyses if a.name != "probing")}
    )
    assert differences(fewer, document)[0].startswith("other numbers: [('probing',")


def differences_of(document: ResultsDocument, metric: str, model: str, value: float) -> list[str]:
    return differences(changed(document, metric, model, value), document)
