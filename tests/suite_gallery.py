"""The gallery of suites: the four papers' pages at their smallest, made anew by two commands each.

Does: run every shipped suite at scale tiny in a folder, and put its page into `reports/suites/`
with an index of all pages there. Does not: keep the comparisons' own pages (megabytes each; a page
says which of them do not lie beside it), or make those of larger scales, which need data and
hours: the commands that made them stand in the index.

    python -m tests.suite_gallery WORK [SUITE ...]
"""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

from kdprobe.config.suite import suite_names

GALLERY = Path(__file__).parents[1] / "reports" / "suites"
_TITLE = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_COMMAND = re.compile(r'<code id="command">(.*?)</code>', re.DOTALL)
_SUBTITLE = re.compile(r"suite ([a-z0-9-]+) at scale ([a-z]+)(?:: ([^<·]+))?")


def kdprobe(*words: str) -> None:
    """Run a command of kdprobe."""
    print("kdprobe", *words, flush=True)
    subprocess.run([sys.executable, "-m", "kdprobe", *words], check=True)


def make(name: str, work: Path) -> None:
    """Make a suite at its smallest, and put its page into the gallery."""
    folder = str(work / name)
    kdprobe("suite", "run", name, "-o", folder, "--resume", "--device", "cpu", "--offline")
    kdprobe("report", folder, "-o", str(GALLERY / f"{name}-tiny.html"))


def entry(page: Path) -> str:
    """Return the row of a page in the index, from what the page says of itself."""
    text = page.read_text(encoding="utf-8")
    title, about, command = _TITLE.search(text), _SUBTITLE.search(text), _COMMAND.search(text)
    if title is None or about is None or command is None:
        raise SystemExit(f"{page}: no page of a suite")
    words = " ".join(unescape(command[1]).split())
    scale = f"{about[2]}: {unescape(about[3]).strip()}" if about[3] else about[2]
    size = page.stat().st_size / 1000
    return (
        f"| [{about[1]}, {about[2]}]({page.name}) | {unescape(title[1]).strip()} | {scale} "
        f"| `{words}` | {size:.0f} kB |"
    )


def index() -> str:
    """Return the index of all pages in the gallery."""
    rows = "\n".join(entry(page) for page in sorted(GALLERY.glob("*.html")))
    return (
        "# Suites\n\nPages of the suites of four papers (docs/suites.md). Those at scale tiny are "
        "made by `python -m tests.suite_gallery WORK` from embedded data: they show every table, "
        "and no number of theirs says anything of a paper. The pages of the comparisons are not "
        "kept here; each suite's command writes them.\n\n"
        "| page | paper | scale | made by | size |\n|---|---|---|---|---|\n" + rows + "\n"
    )


def main(work: Path, names: list[str]) -> None:
    """Make the pages named, or all, and write the index."""
    GALLERY.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(set(suite_names()) - {"reference"}):  # that one is of no paper
        make(name, work)
    (GALLERY / "README.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
