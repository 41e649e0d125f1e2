"""The committed example is what this kdprobe would write."""

import re
from pathlib import Path

from kdprobe.report.build import render
from kdprobe.results.io import metrics_csv, read_document

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
