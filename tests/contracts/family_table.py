"""The table of families in docs/models.md, and what it is made from.

Does: open a family, run what the table speaks of, and give its row; rewrite the table
(`python -m tests.contracts.family_table`). Does not: judge numbers; `test_family_table.py` does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from kdprobe.errors import CapabilityError
from kdprobe.extract.explained_piece import ask
from kdprobe.extract.method import METHODS
from kdprobe.extract.own_outputs import method_obstacles
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.architectures import ARCHITECTURES
from kdprobe.models.hf import HfModel
from kdprobe.models.hidden import HEAD, LayerReader
from kdprobe.models.reader import Reader
from kdprobe.models.words import split_words
from tests.contracts.families import FAMILIES, Opened

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
BEGIN, END = "<!-- families -->\n", "<!-- /families -->"
EMOJI = "she likes 👩‍👩‍👧 funny 🎬 films"
HEADER = (
    "| family | `model_type` | texts share a batch | SHAP, LIME, occlusion | gradients | layers "
    "read | `cls` | `head` | layers copied |\n|---|---|---|---|---|---|---|---|---|\n"
)
_TOGETHER = {
    "right": "padded right", "left": "padded left", "equal": "of equal length", "alone": "no",
}  # fmt: skip


def refused(handle: HfModel) -> dict[str, str]:
    """Try every method on a text with emoji: the reason of each that cannot run, else nothing."""
    methods = {name: METHODS.load(name).options() for name in METHODS.names()}
    setting = ExplanationSettings(methods, deletion=False)
    sentence = Sentence("x", (EMOJI,), split_words(EMOJI), 1)
    return dict(method_obstacles(ask(Reader(handle), sentence, setting), setting))


def row_of(name: str, opened: Opened) -> str:
    """Return a family's row, each cell by what ran."""
    handle = opened.of(name)
    kind = str(handle.model.config.model_type)
    reasons = refused(handle)
    words = {"shap", "lime", "occlusion"} & reasons.keys()
    slopes = reasons.keys() - words
    try:
        reader = LayerReader(handle, ["mean", "cls"])
        (tokens,) = reader.encode([EMOJI])
        assert np.isfinite(reader.read(tokens[None])).all()
        layers = str(len(reader.layers))
        cells = [_not(reader.undefined.get(cell)) for cell in ("cls", HEAD)]
    except CapabilityError:
        layers, cells = "no", ["no", "no"]
    copied = "no"
    if kind in ARCHITECTURES:
        copied = "its one, fewer times" if ARCHITECTURES[kind].shared else "yes"
    told = [
        name, f"`{kind}`", _TOGETHER[handle.text.together], _all(words, 3),
        _all(slopes, len(METHODS.names()) - 3), layers, *cells, copied,
    ]  # fmt: skip
    return f"| {' | '.join(told)} |"


def _not(reason: str | None) -> str:
    return "yes" if reason is None else "no"


def _all(refused: set[str], count: int) -> str:
    if not refused:
        return "yes"
    return "no" if len(refused) == count else f"not {', '.join(sorted(refused))}"


def rows_in_page() -> dict[str, str]:
    """Return the rows that the page holds, by family."""
    text = PAGE.read_text(encoding="utf-8")
    inside = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].removeprefix(HEADER)
    return {row.split(" | ")[0].removeprefix("| "): row for row in inside.splitlines()}


def write() -> None:
    """Write the table anew."""
    with tempfile.TemporaryDirectory() as folder:
        opened = Opened(Path(folder))
        rows = [row_of(name, opened) for name in FAMILIES]
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    PAGE.write_text(text[:start] + HEADER + "\n".join(rows) + "\n" + text[end:], encoding="utf-8")


if __name__ == "__main__":
    write()
