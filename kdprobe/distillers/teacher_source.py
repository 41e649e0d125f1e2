"""What a person named, or handed over, as the teacher of a training.

Does: tell folders, predictions files, functions of texts and loaded models apart, and what teaches
by its answers alone; refuse what can teach nothing. Does not: open any; `open_teacher.py` does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kdprobe.distillers.asked_answers import KnownAnswers
from kdprobe.errors import CheckpointError, ConfigError
from kdprobe.models.folder import fingerprint, locate
from kdprobe.models.folder_kinds import IN_WORDS, kind_of_folder
from kdprobe.models.imported import is_imported
from kdprobe.models.model_like import imported_model, kind_of, what_it_is
from kdprobe.models.path_options import NO_OPTIONS, parse_path
from kdprobe.models.predictions.file import is_predictions_file
from kdprobe.plain_files import expanded

IN_PYTHON = "TEACHER"
"""What stands in a command for an object that a program handed over."""

Kind = Literal["folder", "file", "function", "loaded model", "other folder"]
_EXPECTED = (
    "a path, a hub id, a predictions file, a function of texts, or a loaded model with its "
    "tokenizer"
)


@dataclass(frozen=True)
class TeacherSource:
    """A teacher before it is opened.

    Args:
        given: a path or hub id, a function, or a loaded model.
        name: the path as typed; of an object, what it is.
        kind: how it teaches: `file`, `function` and `other folder` (an ONNX graph, weights that
            are quantised or rounded) by their answers alone.
        word: what stands for it in a command.
        what: its kind, in words.
        known: the answers of a function that were asked for already; whoever trains several
            students hands over one source, so that each text is asked once.
    """

    given: Any
    name: str
    kind: Kind
    word: str
    what: str
    known: KnownAnswers = field(default_factory=KnownAnswers, compare=False)

    @classmethod
    def of(cls, call: str, given: object, *, offline: bool = True) -> TeacherSource:
        """Return what was given to a public function as a teacher.

        Args:
            call: the function, for messages.
            given: a path or hub id, an object, or a source.
            offline: ask no network.

        Raises:
            ConfigError: predictions, which no text can be joined to.
            UsageError: code that cannot be imported.
            TypeError: no model at all.

        >>> TeacherSource.of("distill", "out/teacher").kind
        'folder'
        >>> TeacherSource.of("distill", len).name
        'the function len'
        """
        if isinstance(given, TeacherSource):
            return given
        if not isinstance(given, str | Path):
            return cls._of_object(call, given, what_it_is(given), IN_PYTHON)
        path = str(given)
        if is_imported(path):
            return cls._of_object(call, imported_model(path), path, path)
        if is_predictions_file(path):
            return cls(path, path, "file", path, "a predictions file")
        return cls._of_folder(path, offline=offline)

    @classmethod
    def _of_folder(cls, path: str, *, offline: bool) -> TeacherSource:
        place = parse_path(path)
        plain = cls(path, path, "folder", path, "a model folder")
        try:
            held = kind_of_folder(locate(place, offline=offline, graph=place.options.file),
                                  place.options)  # fmt: skip
        except CheckpointError:  # whoever opens it says so
            return plain
        if held in ("weights", "adapter") and place.options == NO_OPTIONS:
            return plain
        what = IN_WORDS[held] + (f" read as {place.options.shown}" if place.options.shown else "")
        return cls(place, path, "other folder", path, what)

    @classmethod
    def _of_object(cls, call: str, given: object, name: str, word: str) -> TeacherSource:
        kind = kind_of(given)
        if kind == "predictions":
            raise ConfigError(
                "`teacher`", found=f"is {what_it_is(given)}, which have ids and no texts",
                expected=_EXPECTED, remedy="write them to a file with a column text",
            )  # fmt: skip
        if kind is None or kind == "path":
            raise TypeError(f"{call}() takes a teacher as {_EXPECTED}, not {type(given).__name__}")
        return cls(given, name, kind, word, "a function of texts")

    @property
    def has_weights(self) -> bool:
        """Whether layers of it can be read and copied."""
        return self.kind in ("folder", "loaded model")

    @property
    def path(self) -> str | None:
        """The folder or hub id; None: it is none."""
        return self.name if self.kind == "folder" else None

    def fingerprint(self, *, offline: bool) -> str:
        """Return SHA-256 of its files; empty: an object, whose content each training records."""
        if self.kind == "file":
            return hashlib.sha256(expanded(self.name).read_bytes()).hexdigest()
        if self.kind in ("folder", "other folder"):
            return fingerprint(locate(self.given, offline=offline))
        return ""
