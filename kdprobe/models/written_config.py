"""The config of a model folder as its file holds it, whatever the folder holds beside it.

Does: find the config that labels are read from. Does not: open a model; `hf.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping

from kdprobe.models.adapters import adapter_config
from kdprobe.models.folder import check_folder, locate
from kdprobe.models.folder_kinds import kind_of_folder
from kdprobe.models.path_options import PathOptions


def written_labels(path: str, options: PathOptions, *, offline: bool) -> Mapping[str, object]:
    """Return the config that a folder's labels are read from, as its file holds it.

    Raises:
        CheckpointError: a folder that cannot be opened; see `check_folder`.
    """
    folder = locate(path, offline=offline)
    held = kind_of_folder(folder, options)
    if held == "adapter":
        return adapter_config(folder, path, base=options.base, offline=offline)
    return check_folder(folder, kind=held)
