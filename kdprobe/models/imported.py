"""Models that a person names by the code that holds them: `python:MODULE:FUNCTION`.

Does: import the module, from the working directory too, and take the function (or a pipeline, or a
loaded model) from it; look a name up among the entry points `kdprobe.models`. Does not: run code
that lies in a model folder, or that nobody named.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.foreign import debugging, said
from kdprobe.plain_text import printable

PREFIX = "python:"
ENTRY_POINTS = "kdprobe.models"
EXPECTED = "python:MODULE:FUNCTION, with ?version=TEXT where its answers may be kept"

_VERSION = re.compile(r"[\w.+-]{1,60}")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "*.onnx")
_LISTED = 8


class Reference(NamedTuple):
    """Where a model is: a module and a name in it, or an entry point; and its version.

    Args:
        module: a dotted name; empty: an entry point.
        name: of the function, with the objects that it belongs to; or of the entry point.
        version: what its user calls its answers; None: they are not to be kept.
    """

    module: str
    name: str
    version: str | None


def is_imported(path: str) -> bool:
    """Return whether a path names code.

    >>> is_imported("python:model:predict"), is_imported("out/python:model")
    (True, False)
    """
    return path.startswith(PREFIX)


def reference_of(text: str) -> Reference:
    """Read what stands after `python:`.

    Raises:
        ConfigError: it names no module and function, or something else than a version.

    >>> reference_of("python:my.model:clf.predict_proba?version=2")
    Reference(module='my.model', name='clf.predict_proba', version='2')
    >>> reference_of("python:svm")
    Reference(module='', name='svm', version=None)
    """
    place, question, query = text.removeprefix(PREFIX).partition("?")
    module, _, name = place.rpartition(":")
    where = f"model {printable(text, limit=80)!r}"
    key, _, version = query.partition("=")
    if question and not (key == "version" and _VERSION.fullmatch(version)):
        raise ConfigError(
            where, found=f"{printable(query, limit=40)!r} behind the ?",
            expected="version= and 1 to 60 letters, digits or any of . + - _",
        )  # fmt: skip
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError(where, found=f"{name!r}, which is no name", expected=EXPECTED)
    if module and not all(part.isidentifier() for part in module.split(".")):
        raise ConfigError(
            where, found=f"{module!r}, which is no name of a module", expected=EXPECTED,
            remedy="a file model.py in the working directory is the module model",
        )  # fmt: skip
    return Reference(module, name, version if question else None)


def name_of(text: str) -> str:
    """Return what a function that was named by its code is called: its last name.

    >>> name_of("python:my.model:clf.predict_proba?version=2")
    'predict_proba'
    """
    return reference_of(text).name.rpartition(".")[2]


class ImportedValue(NamedTuple):
    """What stands under an imported name, where it was named, and its module's file if any."""

    value: Any
    reference: Reference
    file: Path | None

    @property
    def where(self) -> str:
        """What was imported, for messages."""
        return f"`{self.reference.module}:{self.reference.name}`"


class ImportedFunction:
    """A function that was imported; its `cache_key` tells its answers from all others.

    Definition: the key is the module, the function, the version and the content of the module's
    file, so that `predict` of another project, or of an edited file, is another function. Without a
    version it is the function's own attribute `cache_key`, where it has one.

    Args:
        imported: the function.
    """

    def __init__(self, imported: ImportedValue) -> None:
        reference, file = imported.reference, imported.file
        place = f"{reference.module}:{reference.name}"
        self.function, self.__name__ = imported.value, place
        self.cache_key = getattr(imported.value, "cache_key", None)
        if reference.version is not None:
            content = hashlib.sha256(b"" if file is None else file.read_bytes()).hexdigest()
            self.cache_key = f"{place} {reference.version} {content}"
        here = file is not None and file.is_relative_to(Path.cwd())
        of = "" if file is None else f" in {file.name}" + " of the working directory" * here
        self.notes = (f"its code is {place}{of}, which was imported and run",)

    def __call__(self, texts: Any) -> Any:
        """Ask the function."""
        return self.function(texts)


def import_value(text: str) -> ImportedValue:
    """Import what a text names; see `reference_of`.

    Modules are looked for where Python looks, and then in the working directory, which is put at
    the end of `sys.path`: a file there hides no package that is installed.

    Raises:
        ConfigError: no such module, function or entry point; code in a model folder.
        CapabilityError: the module cannot be imported.
    """
    reference = reference_of(text)
    where = f"model {printable(text, limit=80)!r}"
    if not reference.module:
        reference = _entry_point(reference, where)
    if not {"", str(Path.cwd())} & set(sys.path):
        sys.path.append(str(Path.cwd()))
    importlib.invalidate_caches()
    module = _imported(reference.module, where)
    file = getattr(module, "__file__", None)
    value = _value(module, reference, where)
    return ImportedValue(value, reference, None if file is None else Path(file))


def _entry_point(reference: Reference, where: str) -> Reference:
    """Return where an entry point says that its model is."""
    points = {each.name: each for each in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    if reference.name not in points:
        known = ", ".join(sorted(points)[:_LISTED]) or "none is installed"
        raise ConfigError(
            where, found=f"no entry point of {ENTRY_POINTS} is called {reference.name!r} ({known})",
            expected=EXPECTED,
        )  # fmt: skip
    point = points[reference.name]
    return Reference(point.module, point.attr, reference.version)


def _imported(name: str, where: str) -> Any:
    """Import a module, each package above it looked at before it runs."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        part = ".".join(parts[:count])
        spec = _spec(part, name, where)
        _refuse_model_folder(spec, where)
        try:
            module = importlib.import_module(part)
        except (Exception, SystemExit) as error:
            if debugging():
                raise
            raise CapabilityError(
                where, found=f"importing {part} failed ({said(error)})",
                expected="a module that can be imported without a script's work being done",
                remedy="KDPROBE_DEBUG=1 shows the traceback",
            ) from error  # fmt: skip
    return module


def _spec(part: str, name: str, where: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(part)
    except (ImportError, ValueError):  # its parent is no package; a module without a spec
        spec = None
    if spec is None:
        at = f" ({part} is not there)" if part != name else ""
        close = name.removesuffix(".py")
        raise ConfigError(
            where, found=f"there is no module {name}{at}",
            expected="one that is installed, or that lies in the working directory",
            remedy=f"did you mean {PREFIX}{close}:…?" if close != name else "",
        )  # fmt: skip
    return spec


def _refuse_model_folder(spec: ModuleSpec, where: str) -> None:
    """Refuse code that lies beside the weights of a model."""
    if not spec.has_location or spec.origin is None:
        return
    folder = Path(spec.origin).parent
    if (folder / "config.json").is_file() and any(any(folder.glob(each)) for each in _WEIGHTS):
        raise ConfigError(
            where, found=f"{Path(spec.origin).name} lies in a model folder",
            expected="code of your own: that of a model folder is never run",
            remedy="if you have read it, copy it to another folder",
        )  # fmt: skip


def _value(module: Any, reference: Reference, where: str) -> Any:
    """Return what a module holds under a name."""
    value, path = module, reference.module
    for part in reference.name.split("."):
        if not hasattr(value, part):
            names = [name for name in dir(value) if not name.startswith("_")]
            close = difflib.get_close_matches(part, names, n=1, cutoff=0.5)
            functions = [name for name in names if callable(getattr(value, name, None))]
            raise ConfigError(
                where, found=f"{path} has no {part!r}",
                expected="one of " + ", ".join(functions[:_LISTED]) if functions else "a function",
                remedy=f"did you mean {close[0]!r}?" if close else "",
            )  # fmt: skip
        value, path = getattr(value, part), f"{path}.{part}"
    return value
