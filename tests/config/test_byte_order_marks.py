"""Every TOML file a person may write begins the same with and without a byte order mark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kdprobe.cli.defaults import read_defaults
from kdprobe.cli.main import app
from kdprobe.config import base
from kdprobe.config.probing import open_probing_task
from kdprobe.config.recipe import open_recipe
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError
from kdprobe.plain_files import read_toml

FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "task": (
        'name = "r"\nlabels = ["a", "b"]\nprimary_score = "accuracy"\ntext = "t"\n[[local]]\n'
        '[local.splits]\ndev = { file = "dev.tsv" }\n',
        lambda path: base.read_toml(TaskFile, path),
    ),
    "recipe": (
        'name = "r"\n[[objectives]]\nname = "soft_targets"\n',
        lambda path: open_recipe(str(path)),
    ),
    "probing task": (
        'name = "r"\ngroup = "syntax"\ndescription = "?"\nfile = "x.txt"\n',
        lambda path: open_probing_task(str(path)),
    ),
    "kdprobe.toml": ('[compare]\nsplit = "é"\n', lambda path: read_defaults(path, app)),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("kind", FILES)
def test_a_mark_changes_nothing(tmp_path: Path, kind: str, encoding: str) -> None:
    """Guards what Windows' editors and shells write: refused, or a first key that nobody reads."""
    text, read = FILES[kind]
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode())
    plain = read(path)
    path.write_bytes(text.encode(encoding))
    assert read(path) == plain
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read(path) == plain


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('name = "é"'.encode("utf-16-le"), "is not UTF-8"),
        ('name = "a"'.encode("utf-16-le"), "holds a zero byte"),
        ('name = "a"'.encode("utf-16") + b"x", "is not UTF-16"),
        (b"name = '\xe9'", "is not UTF-8"),
    ],
)
def test_without_a_mark_it_is_utf_8(tmp_path: Path, data: bytes, reason: str) -> None:
    """Guards a traceback, or letters that nobody wrote."""
    path = tmp_path / "mine.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=reason) as caught:
        read_toml(path)
    assert "save it as UTF-8" in str(caught.value)
