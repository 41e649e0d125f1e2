"""One explained text as a page of its own.

Does: coloured words, a line per method, sealed like the report. Does not: compute.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from markupsafe import Markup

from kdprobe.report.highlights import Line
from kdprobe.report.markup import fill


def snippet(title: str, lines: Sequence[Line]) -> str:
    """Render lines of coloured words; the same lines give the same text."""
    folder = resources.files("kdprobe.report")
    style = "".join(
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "attribution.css")
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = fill(
        "snippet.html",
        title=title,
        lines=lines,
        style=Markup(style),
        style_hash=f"sha256-{digest}",
    )
    return str(page) + "\n"
