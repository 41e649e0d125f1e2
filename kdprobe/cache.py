"""What models said, kept under the content it belongs to.

Does: store named arrays under the SHA-256 of what they depend on, whole or not at all, with a
readable JSON beside them. Does not: know what is stored, expire anything, or read pickles.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from kdprobe import atomic
from kdprobe.errors import OutputError
from kdprobe.leftovers import alone_in, alone_with, clear_leftovers
from kdprobe.plain_files import expanded

Arrays = dict[str, NDArray[np.generic]]

_ENTRY = re.compile(r"[0-9a-f]{64}")
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class CacheKey:
    """What an entry depends on.

    Args:
        kind: what is stored (`predictions`); a folder of the cache.
        parts: everything that its numbers depend on; JSON values, the order of names is nothing.
    """

    kind: str
    parts: Mapping[str, JsonValue]

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of kind and parts (sorted names, no blanks).

        >>> a = CacheKey("predictions", {"model": "x", "version": 1})
        >>> a.digest == CacheKey("predictions", {"version": 1, "model": "x"}).digest
        True
        >>> a.digest == CacheKey("predictions", {"model": "x", "version": 2}).digest
        False
        """
        text = json.dumps(
            {"kind": self.kind, "parts": dict(self.parts)},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class CacheInfo:
    """What a cache holds: the number of entries, their bytes on disk, and entries by kind."""

    root: Path
    entries: int
    bytes: int
    kinds: Mapping[str, int]


@dataclass(frozen=True)
class Cache:
    """A folder of entries; nothing in it but files of the cache's own is ever read or deleted."""

    root: Path

    @classmethod
    def default(cls) -> Cache:
        """The cache in `$KDPROBE_CACHE`, else in the user's cache folder."""
        place = os.environ.get("KDPROBE_CACHE")
        if place:
            return cls(expanded(place))
        import platformdirs

        return cls(Path(platformdirs.user_cache_dir("kdprobe", appauthor=False)))

    def load(self, key: CacheKey, *, say: Callable[[str], None] | None = None) -> Arrays | None:
        """Return what is stored under a key, or None.

        Args:
            key: what the arrays must depend on.
            say: told once when the entry is damaged; it is then deleted and None is given, so that
                the caller makes it anew.
        """
        place = self._place(key)
        if not place.is_file():
            return None
        try:
            data = io.BytesIO(place.read_bytes())
            with zipfile.ZipFile(data) as parts:
                if parts.testzip() is not None:
                    raise zipfile.BadZipFile
            data.seek(0)
            with np.load(data, allow_pickle=False) as held:
                return {name: held[name] for name in held.files}
        except _DAMAGE:
            if say is not None:
                say(f"A damaged entry of the cache ({key.kind}) is made anew.")
            place.unlink(missing_ok=True)
            return None

    def store(
        self, key: CacheKey, arrays: Mapping[str, NDArray[np.generic]], *, description: str
    ) -> None:
        """Keep arrays under a key, in place of what was there.

        Args:
            key: what they depend on.
            arrays: by name; no object arrays.
            description: one line for people who look into the folder.

        Raises:
            OutputError: no space is left, or the place cannot be written; the old entry stays.
        """
        data = io.BytesIO()
        for name, array in arrays.items():
            if array.dtype.hasobject:  # savez would pickle it, and load refuse it
                raise TypeError(f"array {name} holds Python objects, which are not kept")
        save: Callable[..., None] = np.savez  # its signature names an option of its own
        save(data, **dict(arrays))
        place = self._place(key)
        record = {
            "kind": key.kind,
            "description": description,
            "parts": dict(key.parts),
            "arrays": {
                name: {"dtype": str(array.dtype), "shape": list(array.shape)}
                for name, array in arrays.items()
            },
        }
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        try:
            atomic.write_text(place.with_suffix(".json"), text)
            atomic.write_bytes(place, data.getvalue())
        except OutputError as error:
            raise self._unwritten(error) from error

    @contextlib.contextmanager
    def making(self, key: CacheKey) -> Iterator[None]:
        """Let one process at a time look for an entry and make it; the others find it made.

        Several students of one teacher are begun at once, for one. Where the system has no such
        locks each makes it, and one of the equal entries stays.

        Raises:
            OutputError: the place cannot be written.
        """
        folder = self._place(key).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritten(atomic.output_error(folder, error)) from error
        with alone_in(folder):
            yield

    def _unwritten(self, error: OutputError) -> OutputError:
        return OutputError(
            f"the cache, {self.root}",
            found=error.found,
            remedy="free some space, name another place in KDPROBE_CACHE, or say `cache=False`",
        )

    def info(self) -> CacheInfo:
        """Count what is stored."""
        kinds: dict[str, int] = {}
        size = 0
        files = self._files()
        for file in files:
            size += file.stat().st_size
            if file.suffix == ".npz":
                kind = file.parent.parent.name
                kinds[kind] = kinds.get(kind, 0) + 1
        return CacheInfo(root=self.root, entries=sum(kinds.values()), bytes=size, kinds=kinds)

    def clear(self) -> int:
        """Delete every entry, give their number, and leave all other files alone.

        A JSON goes after what it describes: where this is killed, no entry is left without one.
        Layers that a process reads now stay; it deletes them itself.
        """
        files = self._files()
        for file in sorted(files, key=lambda file: file.suffix == ".json"):
            layers = file.suffix == ".features"
            with alone_with(file) if layers else contextlib.nullcontext(True) as alone:
                if alone:
                    file.unlink(missing_ok=True)
        for folder in (self.root / "observations").glob("*/*"):
            clear_leftovers(folder)
        return sum(file.suffix == ".npz" for file in files)

    def _place(self, key: CacheKey) -> Path:
        digest = key.digest
        return self.root / "observations" / key.kind / digest[:2] / f"{digest}.npz"

    def _files(self) -> list[Path]:
        files = (self.root / "observations").glob("*/*/*")
        return sorted(
            file
            for file in files
            if file.suffix in (".npz", ".json", ".features") and _ENTRY.fullmatch(file.stem)
        )
