"""Plug-in folders."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.registry import Plugins, unknown_name


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins[str]:
    """A folder of two plug-ins, one of which fails on import."""
    room = tmp_path / "room_of_plugins"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "good.py").write_text("PLUGIN = 'the good one'\n")
    (room / "broken.py").write_text("raise RuntimeError('imported')\n")
    (room / "_private.py").write_text("PLUGIN = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("room_of_plugins")]:
        monkeypatch.delitem(sys.modules, name)
    return Plugins("room_of_plugins", "PLUGIN", "plugin", "kdprobe.tests")


def test_names_come_without_importing(plugins: Plugins[str]) -> None:
    """A listing that imports everything is slow, and one broken file would hide all others."""
    assert plugins.names() == ("broken", "good")
    assert plugins.load("good") == "the good one"
    with pytest.raises(RuntimeError, match="imported"):
        plugins.load("broken")


def test_unknown_name_lists_neighbours(plugins: Plugins[str]) -> None:
    """A typo must not silently disable what was asked for."""
    with pytest.raises(UnknownNameError) as caught:
        plugins.load("goood")
    assert str(caught.value) == (
        "`plugin`: no plugin is called 'goood', expected one of broken, good; did you mean 'good'?"
    )
    assert "did you mean" not in str(unknown_name("plugin", "zzz", ("good",)))


def test_entry_points_join_and_clashes_are_refused(
    plugins: Plugins[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third party's file that takes one of our names would change results unsaid."""
    point = importlib.metadata.EntryPoint("extra", "room_of_plugins.good:PLUGIN", "kdprobe.tests")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert plugins.names() == ("broken", "extra", "good")
    assert plugins.load("extra") == "the good one"
    clash = importlib.metadata.EntryPoint("good", "somewhere:THING", "kdprobe.tests")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [clash])
    with pytest.raises(
        ConfigError, match="somewhere:THING claims a name that kdprobe's own plugin"
    ):
        plugins.names()
