"""Opening a rendered page as a person does, and noting what it did that it should not have done.

Does: write the page to a file, load it in a given width and colour scheme, collect console
messages, dialogs and requests. Does not: start the browser; `conftest.py` does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from kdprobe.report.build import render
from kdprobe.results.io import read_document
from kdprobe.results.schema import ResultsDocument
from tests.report import documents

if TYPE_CHECKING:
    from playwright import sync_api

GOLDEN = Path(__file__).parents[1] / "golden"
UNFOLD = "document.querySelectorAll('details.fold').forEach((fold) => { fold.open = true; })"


class Visit(NamedTuple):
    """A loaded page and what it did that it should not have done."""

    page: sync_api.Page
    faults: list[str]


@functools.cache
def rendered(name: str) -> str:
    made: dict[str, Callable[[], ResultsDocument]] = {
        "usual": lambda: documents.build(n=200),
        "hostile": documents.hostile,
        "57": lambda: documents.many_labels(n=120),
        "one": lambda: documents.alarmed(documents.build(n=60, names=documents.NAMES[:2])),
        "hard": lambda: documents.build(n=60, names=documents.NAMES, probabilities=False),
        "regression": documents.regression,
        "alone": lambda: documents.build(n=60, names=documents.NAMES[:1]),
        "none": lambda: documents.build(n=30).model_copy(update={"examples": ()}),
        "thirty": lambda: documents.build(
            n=60, names=("bert-base", *(f"student of a long name {i}" for i in range(30)))
        ),
        "bare": lambda: documents.without_intervals(documents.build(n=60)),
        "first version": lambda: read_document(GOLDEN / "results-v1.json"),
    }
    return render(made[name]())


class Reader:
    """Opens pages from files, as a person does, and notes every fault."""

    def __init__(self, browser: sync_api.Browser, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.contexts: list[sync_api.BrowserContext] = []

    def open(
        self, name: str, *, text: str = "", fragment: str = "", width: int = 1280,
        scheme: Literal["dark", "light"] = "light", scripts: bool = True, unfold: bool = True,
    ) -> Visit:  # fmt: skip
        """Open a page; `unfold` opens its sections too, as a reader of them has done before."""
        path = self.folder / f"{name}.html"
        path.write_text(text or rendered(name), encoding="utf-8")
        context = self.browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme,
            java_script_enabled=scripts, accept_downloads=True,
        )  # fmt: skip
        context.set_default_timeout(60_000)  # a busy machine is slow, not wrong
        self.contexts.append(context)
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None if request.url.split("#")[0] == path.as_uri() else faults.append(request.url)
            ),
        )
        page.goto(path.as_uri() + fragment)
        if scripts and unfold:
            page.evaluate(UNFOLD)
        return Visit(page, faults)
