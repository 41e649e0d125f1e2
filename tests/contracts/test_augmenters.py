"""What every file of `augmenters/methods/` must keep, on tiny models."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from kdprobe.augmenters import methods
from kdprobe.augmenters.augmenter import AUGMENTERS, GeneratedText, Maker
from kdprobe.config.base import Options
from kdprobe.tasks.task import Split
from tests.augmenters.builders import TEXTS, bench, masked_folder, split_of

NAMES = AUGMENTERS.names()
each_name = pytest.mark.parametrize("name", NAMES)
OPTIONS: dict[str, dict[str, Any]] = {
    "language_model": {
        "model": "gpt2:L1,H16,A2,V300",
        "epochs": 8,
        "longest": 40,
        "batch_size": 4,
        "learning_rate": 0.02,
    },
}


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A masked language model."""
    return str(masked_folder(tmp_path_factory.mktemp("masked") / "bert"))


def opened(
    name: str, masked: str, folder: Path, *, seed: int = 0, pairs: bool = False
) -> tuple[Split, Maker]:
    """Open an augmenter for thirteen texts, or as many pairs."""
    augmenter = AUGMENTERS.load(name)
    given = {"model": masked} if name == "masked_lm" else OPTIONS.get(name, {})
    split = split_of(TEXTS, tuple(reversed(TEXTS)) if pairs else None)
    options = augmenter.options.model_validate(given)
    folder.mkdir(exist_ok=True)
    return split, augmenter.open(split, options, bench(folder, seed=seed, wanted=40))


def test_there_are_three() -> None:
    """Guards a method that is not found."""
    assert {"rules", "masked_lm", "language_model"} <= set(NAMES)


@each_name
def test_names_and_options(name: str) -> None:
    """Guards a name that differs from the file's, options that cannot be recorded, no summary."""
    augmenter = AUGMENTERS.load(name)
    assert augmenter.name == name
    assert augmenter.version >= 1
    assert issubclass(augmenter.options, Options)
    told = augmenter.options().model_dump(mode="json")
    assert augmenter.options.model_validate(json.loads(json.dumps(told))) == augmenter.options()
    source = Path(str(methods.__file__)).with_name(f"{name}.py").read_text(encoding="utf-8")
    summary = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    assert 20 < len(summary) < 100
    documented = ast.get_docstring(
        next(
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef) and node.name == augmenter.options.__name__
        )
    )
    for field in augmenter.options.model_fields:
        assert f"{field}:" in (documented or ""), f"{field} is not told of"


@each_name
@pytest.mark.parametrize("pairs", [False, True])
def test_a_chunk_depends_on_its_number_alone(
    name: str, masked: str, tmp_path: Path, pairs: bool
) -> None:
    """Guards a resumed run: chunks made in another order, or by another process, must be equal."""
    split, maker = opened(name, masked, tmp_path / "a", pairs=pairs)
    first, second = maker.make(0), maker.make(1)
    _, other = opened(name, masked, tmp_path / "b", pairs=pairs)
    assert other.make(1) == second
    assert other.make(0) == first
    assert first != second
    assert maker.chunks > 1
    _, seeded = opened(name, masked, tmp_path / "c", seed=1, pairs=pairs)
    assert seeded.make(0) != first
    for draft in (*first, *second):
        assert isinstance(draft, GeneratedText)
        assert (draft.pair is not None) == pairs
        assert draft.source in {"", *split.ids}
    assert all(draft.text or not pairs for draft in first if draft.pair)
    assert any(draft.text for draft in first)


@each_name
def test_what_is_told(name: str, masked: str, tmp_path: Path) -> None:
    """Guards facts that a record cannot hold, and a stop before what was asked for."""
    split, maker = opened(name, masked, tmp_path / "a")
    fingerprint = split.fingerprint
    maker.make(0)
    assert split.fingerprint == fingerprint
    assert maker.wanted == 40
    assert maker.facts
    assert all(isinstance(value, str) and value for value in maker.facts.values())
    augmenter = AUGMENTERS.load(name)
    given = {"model": masked} if name == "masked_lm" else OPTIONS.get(name, {})
    identity = augmenter.identity(augmenter.options.model_validate(given), offline=True)
    assert json.loads(json.dumps(dict(identity))) == dict(identity)
