"""Run the code cells of a notebook, one after the other in one namespace, as Jupyter does.

`python tests/run_notebook.py FILE` runs it in the current folder and prints, for each cell that
ends in an expression, how a notebook shows its value: `html`, `text` or nothing.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any


def run(file: Path) -> list[str]:
    """Run all cells; return how the last expression of each is shown."""
    book = json.loads(file.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for number, cell in enumerate(book["cells"]):
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]), filename=f"{file.name}, cell {number}")
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{file.name}, cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
            shown.append(_shown(value))
    return shown


def _shown(value: Any) -> str:
    """Return `html` where a notebook draws the value, after looking at what it would draw."""
    if value is None:
        return "nothing"
    draw = getattr(value, "_repr_html_", None)
    html = draw() if draw else None
    if html is None:
        return "text" if repr(value) else "empty"
    whole = isinstance(html, str) and html.lstrip().startswith("<") and "<script" not in html
    return "html" if whole else "broken"


if __name__ == "__main__":
    print("\n".join(run(Path(sys.argv[1]))))
