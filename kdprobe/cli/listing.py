"""`kdprobe list KIND`: what there is to choose from."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import terminal


@dataclass(frozen=True)
class _Kind:
    package: str
    attribute: str
    entry_points: str


_PLUGINS = {
    "objectives": _Kind("kdprobe.distillers.objectives", "OBJECTIVE", "kdprobe.objectives"),
    "methods": _Kind("kdprobe.extract.methods", "METHOD", "kdprobe.methods"),
    "analyses": _Kind("kdprobe.analysis", "ANALYSIS", "kdprobe.analyses"),
    "augmenters": _Kind("kdprobe.augmenters.methods", "AUGMENTER", "kdprobe.augmenters"),
}
_STUDENTS = (
    ("layers=N", "N layers of the teacher, copied, spread evenly"),
    ("layers=N:first|last|even|skip", "N layers of the teacher, chosen by a rule"),
    ("layers=0+2+4", "these layers of the teacher, counted from 0"),
    (
        "bert:L4,H128,I512,A4",
        "a BERT of this shape from scratch: layers, width, inner width, heads",
    ),
    ("bert:W1/2,D1", "the same by width and depth multipliers of 5 layers, 204 wide (Sucik 2020)"),
    ("heads=N, hidden=N, intermediate=N", "other sizes than the teacher's, also after layers=N,"),
    (
        "init=copy|random|projection|principal|truncated",
        "what such a student starts from: the teacher's embeddings through a learned projection "
        "(mode=static|non-static|multichannel) or in fewer directions, or all weights cut",
    ),
    ("bert:L5,H204,A3,embeddings=teacher", "such a BERT with a learned projection too"),
    (
        "bilstm:hidden=300,fc=400,layers=1",
        "a BiLSTM with the teacher's word pieces; mode=static|non-static|multichannel",
    ),
    (
        "bilstm:W=1/2,D=2,embeddings=FILE",
        "one that reads words, with vectors of word2vec, GloVe or fastText",
    ),
    ("FOLDER or hub id", "any pretrained encoder, with a new head"),
)
_GOLD = "The labels of the compared task itself, each of several by itself."
KINDS = ("objectives", "recipes", "methods", "analyses", "probes", "students", "augmenters",
         "suites")  # fmt: skip


@terminal.guarded
def listing(
    kind: Annotated[str, typer.Argument(metavar="|".join(KINDS), help="What to list.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print names and summaries as JSON.")] = (
        False
    ),
) -> None:
    """List objectives, recipes, methods, analyses, probes, students, augmenters or suites.

    Example: kdprobe list analyses
    """
    import json

    from kdprobe.registry import known_name
    from kdprobe.version import __version__

    kind = known_name("list", kind, KINDS)
    rows = _rows(kind)
    if as_json:
        typer.echo(json.dumps(dict(rows), indent=1, ensure_ascii=False))
    elif rows:
        terminal.show(terminal.table(kind, ("name", "what it is"), rows))
    else:
        terminal.tell(f"kdprobe {__version__} has no {kind}.")


def _rows(kind: str) -> list[tuple[str, str]]:
    if kind == "students":
        return list(_STUDENTS)
    if kind == "recipes":
        return _data_files("recipes")
    if kind == "suites":
        return _data_files("papers")
    if kind == "probes":
        from kdprobe.config.probing import GOLD

        return [*_data_files("probing"), (GOLD, _GOLD)]
    return _plugins(_PLUGINS[kind])


def _plugins(kind: _Kind) -> list[tuple[str, str]]:
    """Name and first line of each plug-in, read from the source: nothing is imported."""
    from importlib.util import find_spec

    from kdprobe.registry import Plugins

    try:
        spec = find_spec(kind.package)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        return []
    plugins: Plugins[object] = Plugins(kind.package, kind.attribute, "", kind.entry_points)
    folders = [Path(place) for place in spec.submodule_search_locations or []]
    rows = []
    for name in plugins.names():
        places = (f / part for f in folders for part in (f"{name}.py", f"{name}/__init__.py"))
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            rows.append((name, "from another package"))
            continue
        module = ast.parse(file.read_text(encoding="utf-8"))
        if _gives(module, kind.attribute):
            rows.append((name, (ast.get_docstring(module) or "").splitlines()[0]))
    return rows


def _gives(module: ast.Module, attribute: str) -> bool:
    """Whether a module holds a plug-in; others of the folder are what plug-ins share."""
    nodes = (node for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign))
    targets = [
        target
        for node in nodes
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return any(isinstance(target, ast.Name) and target.id == attribute for target in targets)


def _data_files(folder: str) -> list[tuple[str, str]]:
    from kdprobe.config.base import suites_folder
    from kdprobe.plain_files import read_toml

    rows = []
    for file in sorted((suites_folder() / folder).glob("*.toml")):
        data = read_toml(file)
        title = str(data.get("title", ""))
        parts = [title if title.endswith((".", "?")) else f"{title}."] if title else []
        parts += [str(data[key]) for key in ("description", "source", "citation") if data.get(key)]
        parts += [f"Needs: {data['requires']}"] if data.get("requires") else []
        rows.append((file.stem, " ".join(parts)))
    return rows
