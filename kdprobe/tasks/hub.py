"""A split from the hub, through `datasets`.

Does: load one split, give label names for label indices, say plainly why it could not. Does not:
run loading scripts (`datasets` refuses them), nor keep anything of its own on disk.
"""

from __future__ import annotations

import contextlib
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from kdprobe.config.task import Hub
from kdprobe.errors import TaskError
from kdprobe.tasks.readers import as_cell
from kdprobe.tasks.table import Cells, ColumnTable


class HubError(TaskError):
    """The hub could not give a split; `sources.py` lists it among the places it looked at."""


def hub_is_off(offline: bool) -> bool:
    """Return whether the network must not be asked: by the flag, or by `HF_HUB_OFFLINE`."""
    variable = os.environ.get("HF_HUB_OFFLINE", "").strip().upper()
    return offline or variable in ("1", "ON", "YES", "TRUE")


def hub_name(hub: Hub, split: str) -> str:
    """Return the name of a split of the hub: `nyu-mll/glue cola, split validation`."""
    return " ".join(filter(None, (hub.dataset, hub.config))) + f", split {hub.splits[split]}"


def read_hub(hub: Hub, split: str) -> ColumnTable:
    """Load a split from the hub as a table; class labels as their names, `-1` as it is.

    Raises:
        HubError: the hub cannot be reached, or has no such data.
    """
    import datasets

    shown = hub_name(hub, split)
    datasets.disable_progress_bars()
    try:
        with _asking_no_dead_network():
            rows = datasets.load_dataset(
                hub.dataset, hub.config or None, split=hub.splits[split], trust_remote_code=False
            )
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = error.__cause__ or error  # `datasets` hides the reason behind a general sentence
        first = (str(reason).splitlines() or [type(reason).__name__])[0]
        raise HubError(shown, found=f"{type(reason).__name__}: {first}") from error
    columns = {name: _cells(rows, name) for name in rows.column_names}
    first = rows[0] if len(rows) else {}
    nested = frozenset(name for name, cell in first.items() if isinstance(cell, list | dict))
    lines = tuple(range(1, len(rows) + 1))
    return ColumnTable(shown, columns, lines, marker=", row ", nested=nested)


@contextlib.contextmanager
def _asking_no_dead_network() -> Iterator[None]:
    """Let `datasets` use only its own cache when there is no network; it would retry for long."""
    import datasets
    import huggingface_hub.constants as hub_constants

    if _network_is_there(hub_constants.ENDPOINT):
        yield
        return
    before = hub_constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    hub_constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        hub_constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _network_is_there(address: str) -> bool:
    """Look the hub's name up once; a proxy would do that for us."""
    parts = urllib.parse.urlsplit(address)
    if urllib.request.getproxies().get(parts.scheme):
        return True
    try:
        socket.getaddrinfo(parts.hostname, parts.port or 443)
    except OSError:
        return False
    return True


def _cells(rows: Any, name: str) -> Cells:
    feature = rows.features[name]
    names = getattr(getattr(feature, "feature", feature), "names", None)
    values = list(rows[name])
    if names is not None and any(isinstance(value, list) for value in values):
        held = ((None if v is None else [names[place] for place in v]) for v in values)
        return tuple(map(as_cell, held))
    if names is None:
        return tuple(as_cell(value) for value in values)
    return tuple("-1" if v is None or v < 0 else str(names[v]) for v in values)
