"""What the package imports is declared, and what it declares is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# distribution -> the file that needs it without importing it, and says so
NEEDED_OTHERWISE = {
    "protobuf": "kdprobe/models/tokenizer_faults.py",  # transformers reads with both
    "sentencepiece": "kdprobe/models/tokenizer_faults.py",
    "textblob": "kdprobe/augmenters/taggers.py",  # its lexicon is read, not its code
    "bitsandbytes": "kdprobe/models/quantized.py",  # transformers opens its weights
    "onnxscript": "tests/models/graphs.py",  # torch's exporter of ONNX graphs is built on it
}
# What a reader of the tests' own tools looks for: run, not imported.
TOOLS = {"axe-playwright-python", "mypy", "pandas-stubs", "pytest-timeout", "pytest-xdist",
         "ray", "ruff", "scipy-stubs", "types-pyyaml"}  # fmt: skip


def _named(requirements: list[str]) -> set[str]:
    """Return the normalised names of distributions; see PEP 503."""
    names = (re.match(r"[A-Za-z0-9._-]+", one) for one in requirements)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}


DECLARED = _named(PROJECT["dependencies"])
EXTRAS = {name: _named(extra) for name, extra in PROJECT["optional-dependencies"].items()}


def _imported(folder: str) -> dict[str, set[str]]:
    """Return the distributions that files of a folder import, each with the files."""
    owners = packages_distributions()
    imported: dict[str, set[str]] = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in {name.split(".")[0] for name in names}:
                if name in sys.stdlib_module_names or name in ("kdprobe", "tests"):
                    continue
                for owner in _named(owners.get(name, [name])):
                    imported.setdefault(owner, set()).add(str(file.relative_to(ROOT)))
    return imported


def test_what_is_imported_is_declared() -> None:
    """Guards against an import that works because another library happens to bring it along."""
    optional = set().union(*(names for extra, names in EXTRAS.items() if extra != "dev"))
    imported = _imported("kdprobe")
    missing = {name: files for name, files in imported.items() if name not in DECLARED | optional}
    assert not missing, f"declare in pyproject.toml: {missing}"


def test_what_is_declared_is_used() -> None:
    """Guards against a user who installs what nothing reads."""
    unused = DECLARED - set(_imported("kdprobe")) - set(NEEDED_OTHERWISE)
    assert not unused, f"imported nowhere in the package: {unused}"
    for extra, names in EXTRAS.items():
        used = (
            set(_imported("tests" if extra == "dev" else "kdprobe")) | TOOLS | set(NEEDED_OTHERWISE)
        )
        assert names <= used, f"[{extra}] {names - used}"


@pytest.mark.parametrize("name", sorted(NEEDED_OTHERWISE))
def test_what_is_needed_otherwise_is_needed(name: str) -> None:
    """Guards against an exception that outlives its reason."""
    assert name in DECLARED.union(*EXTRAS.values())
    assert name not in _imported("kdprobe")
    assert name in (ROOT / NEEDED_OTHERWISE[name]).read_text(encoding="utf-8")


def test_tests_import_what_a_developer_installs() -> None:
    """Guards against a test that fails on a fresh checkout."""
    missing = set(_imported("tests")) - DECLARED - EXTRAS["dev"]
    assert not missing, {name: _imported("tests")[name] for name in missing}


def test_every_declared_version_is_pinned() -> None:
    """Guards against a build of next year that resolves to what nobody tried."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = _named([line for line in lines if "==" in line])
    assert DECLARED | set().union(*EXTRAS.values()) <= pinned
