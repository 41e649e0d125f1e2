"""The reading that a killed run had begun for its probes, so that the next one goes on with it.

Does: keep, while the layers of some sentences stand on the disk, for which tasks they were read.
Does not: read layers or keep probes.

Probes are kept task by task. Without this a run that goes on after the first task would read the
sentences of the other tasks anew, in other batches and so with other last digits, and leave the
layers that the killed run had read, gigabytes of them, to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdprobe import atomic, plain_files
from kdprobe.cache import Cache, CacheKey
from kdprobe.collectors.probes.encoders import TaskData, sentences_of
from kdprobe.errors import OutputError
from kdprobe.extract.features import features_place, forget_features

if TYPE_CHECKING:
    from kdprobe.models.hidden import LayerReader


@dataclass(frozen=True)
class Begun:
    """The reading of one encoder for some tasks.

    Args:
        reader: the encoder.
        data: every task, by the digest of its probes' key.
        cache: where probes are kept.
    """

    reader: LayerReader
    data: Mapping[str, TaskData]
    cache: Cache

    @property
    def place(self) -> Path:
        """The file with the names of the tasks whose sentences are read."""
        key = CacheKey("features", {"probes": list(self.data)})
        return features_place(self.cache, key.digest).with_suffix(".json")

    def tasks(self, missing: Collection[str]) -> list[TaskData]:
        """Return the tasks whose sentences are to be read: those that are missing, or more.

        Args:
            missing: names of the tasks whose probes are not known.

        Returns:
            Those that a killed run was reading, where all that is missing is among them; else
            those that are missing.
        """
        names = self._names()
        return self._named(names if names.issuperset(missing) else missing)

    def begin(self, chosen: Collection[TaskData]) -> None:
        """Keep for which tasks sentences are read, before the first is.

        Raises:
            OutputError: the cache cannot be written.
        """
        names = {one.task.name for one in chosen}
        if self._names() != names:
            self.end()
            atomic.write_text(self.place, json.dumps({"tasks": sorted(names)}) + "\n")

    def end(self) -> None:
        """Delete what was read, and that it was."""
        names = self._names()
        if names:
            begun = sentences_of(self._named(names))
            forget_features(self.reader, begun, cache=self.cache)
        self.place.unlink(missing_ok=True)

    def _named(self, names: Collection[str]) -> list[TaskData]:
        return [one for one in self.data.values() if one.task.name in names]

    def _names(self) -> frozenset[str]:
        """Read the names of the tasks; none where none is begun, or the file is damaged."""
        try:
            record = plain_files.read_json(self.place, error=OutputError)
        except OutputError:
            return frozenset()
        names = record.get("tasks") if isinstance(record, dict) else None
        if not isinstance(names, list):
            return frozenset()
        return frozenset(name for name in names if isinstance(name, str))
