"""The report's page of as many examples as it carries: how soon it shows, how soon it filters.

In chromium, wall-clock milliseconds: what a person waits for.
"""

from __future__ import annotations

import pytest

from kdprobe.report import examples
from kdprobe.report.build import render
from tests.bench.rows import BenchRows
from tests.report import documents
from tests.report.browsing import Reader

ROUNDS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint').map((e) => e.startTime)"
FILTERED = "performance.getEntriesByName('kdprobe-filter').map((e) => e.duration)"
WORDS = ("c", "ca", "cat", "cats", "cats d")


@pytest.mark.bench
def test_page_of_five_thousand_examples(reader: Reader, bench_row: BenchRows) -> None:
    """Guards against a page whose script or size grows until a search stutters.

    The examples that the last search shows are counted in Python, too.
    """
    document = documents.build(n=500)
    count = examples.MOST
    many = tuple(
        document.examples[at % 500].model_copy(update={"id": str(at)}) for at in range(count)
    )
    page_text = render(document.model_copy(update={"examples": many, "examples_total": count}))
    shown = sum(all(word in example.text.lower() for word in WORDS[-1].split()) for example in many)
    paints, filters = [], []
    for round in range(ROUNDS):
        page = reader.open(f"many{round}", text=page_text).page
        (painted,) = page.evaluate(PAINT)
        paints.append(painted / 1000)
        before = len(page.evaluate(FILTERED))
        for word in WORDS:
            page.fill("#f-text", word)
        took = page.evaluate(FILTERED)[before:]
        assert len(took) == len(WORDS)
        filters.append(max(took))
        assert page.inner_text("#count").startswith(f"{shown:,} of {count:,} examples")
    name = f"page of {count:,} examples, {len(page_text) / 1e6:.1f} MB"
    agreement = f"{shown:,} examples shown, as counted"
    bench_row(f"{name}: first paint", paints, unit="s", agreement=agreement, must=1.0)
    bench_row(f"{name}: slowest of {len(WORDS)} filters", filters, unit="ms",
              agreement=agreement, must=50.0)  # fmt: skip
