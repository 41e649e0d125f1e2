"""The direction of the imports, read from the source; see docs/architecture.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kdprobe"

ROWS: dict[str, int] = {
    "errors": 1, "registry": 1, "seeds": 1, "progress": 1, "plain_text": 1, "plain_files": 1,
    "foreign": 1, "portable": 1, "atomic": 1,
    "leftovers": 1, "segmentation": 1, "version": 1, "workers": 1,
    "results": 2, "stats": 2,
    "config": 3,
    "tasks": 4, "observations": 4,
    "cache": 5, "models": 5,
    "extract": 6, "distillers": 6, "augmenters": 6, "analysis": 6, "report": 6,
    "collectors": 7, "finetuning": 7, "distillation": 7, "augmentation": 7, "attribution": 7,
    "comparison": 8,
    "sweeping": 9, "suites_run": 9, "publishing": 9,
    "cli": 10,
}  # fmt: skip

ALLOWED_ONLY: dict[str, set[int]] = {"analysis": {1, 2, 3, 4}, "report": {1, 2}}

# What takes arrays and gives numbers knows no study, document or file.
PURE: dict[str, set[str]] = {"stats": {"errors", "seeds", "stats"}}

# package -> the only files that may import it
ADAPTERS: dict[str, set[str]] = {
    "captum": {"extract/methods/"},
    "gensim": {"models/word_vectors.py"},
    "icu4py": {"segmentation.py"},
    "linkify_it": {"segmentation.py"},
    "lime": {"extract/methods/lime.py"},
    "ray": {"workers/ray_executor.py"},
    "shap": {"extract/methods/shap.py"},
    "cloudpickle": {"workers/"},
    "loky": {"workers/"},
    "statsmodels": {"stats/hypothesis_tests.py"},
    "threadpoolctl": {"workers/"},
    "scipy.stats": {"stats/hypothesis_tests.py"},
}

# What reads JSON or TOML of others: nobody else may, as nobody else bounds depth, digits and size.
DOOR = {"plain_files.py", "tasks/readers.py"}

MOST_PARAMETERS = 12

HEAVY_FREE = ("analysis", "report", "results", "config")


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(file: Path) -> list[tuple[int, str]]:
    """All imported dotted names of a file with their lines; `from a import b` gives a and a.b."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def _room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_room_has_a_row() -> None:
    """A new room without a row would escape the test below."""
    rooms = {_room(file) for file in _files()} - {"__init__", "__main__"}
    assert rooms <= set(ROWS), f"give these a row: {rooms - set(ROWS)}"


def test_imports_point_upward() -> None:
    """An analysis that imports a model, or a report that imports torch, breaks the fences."""
    faults = []
    for file in _files():
        room = _room(file)
        if room in ("__init__", "__main__"):
            continue
        for line, name in _imports(file):
            if not name.startswith("kdprobe."):
                continue
            other = name.split(".")[1]
            if other == room or other not in ROWS:
                continue
            allowed = ALLOWED_ONLY.get(room, set(range(1, ROWS[room])))
            same_row = ROWS[other] == ROWS[room] and ROWS[room] < 6
            if ROWS[other] not in allowed and not same_row and room != "cli":
                faults.append(f"{file.relative_to(PACKAGE)}:{line} imports {name}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_imports_no_study(room: str) -> None:
    """Statistics that take a Study cannot be used while training, and get a second copy there."""
    faults = [
        f"{file.relative_to(PACKAGE)}:{line} imports {name}"
        for file in _files()
        if _room(file) == room
        for line, name in _imports(file)
        if name.startswith("kdprobe.") and name.split(".")[1] not in PURE[room]
    ]
    assert not faults, "\n".join(faults)


def test_each_foreign_library_has_its_adapters() -> None:
    """A second importer of a library is a second place where its traps must be known."""
    faults = []
    for file in _files():
        path = str(file.relative_to(PACKAGE))
        for line, name in _imports(file):
            for library, homes in ADAPTERS.items():
                inside = name == library or name.startswith(library + ".")
                if inside and not any(path.startswith(home) for home in homes):
                    faults.append(f"{path}:{line} imports {name}")
            if name == "transformers.Trainer" and path != "distillers/trainer.py":
                faults.append(f"{path}:{line} imports {name}")
            if name.split(".")[0] in ("torch", "transformers") and _room(file) in HEAVY_FREE:
                faults.append(f"{path}:{line} imports {name}")
    assert not faults, "\n".join(faults)


def test_json_and_toml_come_through_one_door() -> None:
    """A second `json.loads` is a second traceback for 100,000 brackets."""
    faults = []
    for file in _files():
        path = str(file.relative_to(PACKAGE))
        source = file.read_text(encoding="utf-8")
        # What was written a moment before may be read back: a copy as JSON has it.
        plain = source.replace("json.loads(json.dumps(", "")
        if path not in DOOR and re.search(r"json\.loads?\(|tomllib", plain):
            faults.append(path)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "code",
    [
        "import kdprobe",
        "import kdprobe.report.build",
        "import kdprobe.results.io",
        "import kdprobe.cli.main",
    ],
)
def test_light_imports_load_no_torch(code: str) -> None:
    """`kdprobe --help` that loads torch takes seconds, and a report must open without it."""
    check = f"{code}; import sys; bad = {{'torch', 'transformers', 'datasets', 'statsmodels'}}; "
    check += "found = bad & set(sys.modules); sys.exit(repr(found) if found else 0)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_sizes() -> None:
    """A file nobody can hold in their head hides its faults."""
    long = []
    for file in _files():
        source = file.read_text(encoding="utf-8")
        if source.count("\n") > 300:
            long.append(f"{file.relative_to(PACKAGE)}: {source.count(chr(10))} lines")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                # The signature and the docstring are data; the body is what must be understood.
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                if lines > 50:
                    long.append(f"{file.relative_to(PACKAGE)}:{node.lineno} {node.name}: {lines}")
    assert not long, "\n".join(long)


def _modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    return {
        ".".join(("kdprobe", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): file
        for file in _files()
    }


def _graph() -> dict[str, set[str]]:
    """Which module imports which, `if TYPE_CHECKING` and imports inside functions included.

    `from a import b` is an import of the module a.b where there is one, else of a.
    """
    modules = _modules()
    graph: dict[str, set[str]] = {}
    for name, file in modules.items():
        targets: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}:{node.lineno}: a relative import"
                named = [f"{node.module}.{alias.name}" for alias in node.names]
                targets |= {one if one in modules else str(node.module) for one in named}
        graph[name] = (targets & set(modules)) - {name}
    return graph


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules of which each reaches every other (Tarjan 1972)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in index:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], index[other])
        if lowest[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            groups.append(sorted(group))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return [group for group in groups if len(group) > 1]


def test_circles_are_recognised() -> None:
    """A search that finds no circle anywhere, because it is broken, guards nothing."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(_circles(graph)) == [["a", "b", "c"], ["d", "e"]]
    assert _circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_import_goes_in_a_circle() -> None:
    """Modules of a circle cannot be read, tested or moved one without the others."""
    circles = {", ".join(group) for group in _circles(_graph())}
    assert not circles, "\n".join(sorted(circles))


def test_what_is_private_stays_in_its_room() -> None:
    """A `_name` that another room imports is public, and its owner does not know."""
    faults = set()
    for file in _files():
        room = _room(file)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            head, *inner = node.module.split(".")
            if head != "kdprobe" or (inner and inner[0] == room):
                continue
            for name in (*inner, *(alias.name for alias in node.names)):
                if re.match(r"_(?!_)", name):
                    faults.add(f"{file.relative_to(PACKAGE)} imports {name} of {node.module}")
    assert not faults, "\n".join(sorted(faults))


def test_no_function_takes_more_than_can_be_remembered() -> None:
    """Thirty parameters drift apart between the places that repeat them; `locals()` hides it."""
    wide, hidden = set(), set()
    for file in _files():
        path = str(file.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                takes = node.args
                names = [one.arg for one in (*takes.posonlyargs, *takes.args, *takes.kwonlyargs)]
                names += [one.arg for one in (takes.vararg, takes.kwarg) if one is not None]
                count = len(names) - (names[:1] in (["self"], ["cls"]))
                if count > MOST_PARAMETERS:
                    wide.add(f"{path} {node.name}")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "locals":
                hidden.add(path)
    assert not wide, "\n".join(sorted(wide))
    assert not hidden, "\n".join(sorted(hidden))


def test_each_class_has_a_name_of_its_own() -> None:
    """One name for two things, so that a reader must ask which."""
    places: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        # A section is named as what it shows.
        if path.parent != PACKAGE / "report" / "sections":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                    places.setdefault(node.name, []).append(place)
    assert {name: held for name, held in places.items() if len(held) > 1} == {}
