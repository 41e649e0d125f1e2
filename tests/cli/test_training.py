"""Tests of options that stand together in the signature of several commands."""

from __future__ import annotations

import inspect
from dataclasses import fields

from kdprobe.cli import training


def test_bundles_are_spread_and_gathered() -> None:
    """Guards an option that is read and never handed on: the command would ignore it in silence."""
    seen: list[object] = []

    @training.bundled
    def command(
        model: str, word: str = "w", *, trained: training.RecipeSettings, shared: training.Shared
    ) -> None:
        seen.extend((model, word, trained, shared))

    parts = (*fields(training.RecipeSettings), *fields(training.Shared))
    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["model", "word", *(part.name for part in parts)]
    defaults = {name: p.default for name, p in parameters.items() if name != "model"}
    command(model="m", **(defaults | {"bf16": False, "seed": 7, "quiet": True}))
    model, word, trained, shared = seen
    assert (model, word) == ("m", "w")
    assert trained == training.RecipeSettings(bf16=False)
    assert shared == training.Shared(seed=7, quiet=True)


def test_keywords_are_the_librarys() -> None:
    """Guards the two words that differ: no --bf16 is `auto`, and --quiet is a display."""
    assert training.RecipeSettings().keywords()["bf16"] == "auto"
    assert training.Settings(bf16=False).keywords()["bf16"] is False
    given = training.Shared(quiet=True).keywords()
    assert type(given["progress"]).__name__ == "Silent"
    assert "quiet" not in given
    # A record of a sweep holds what was given, as JSON has it: an empty tuple is another thing.
    assert "labels" not in given
    assert training.Shared(labels=["a,b", "c"]).keywords()["labels"] == ["a", "b", "c"]
