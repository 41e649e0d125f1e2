"""Where else a training is logged: tensorboard, trackio, mlflow, wandb, as `transformers` does it.

Does: refuse a tracker whose package is not installed before anything is trained, and hand the
others' own callbacks over. Does not: depend on any, or log anything itself.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdprobe.errors import MissingExtraError
from kdprobe.foreign import said, translated

if TYPE_CHECKING:
    from transformers import TrainerCallback

_PACKAGES: Mapping[str, tuple[str, ...]] = {"tensorboard": ("tensorboard", "tensorboardX")}
"""The packages of a tracker, one of which is enough, where it is not called like its package."""
BOARD = "runs"
"""Where tensorboard writes, and looks, when nobody says otherwise."""


def require_trackers(names: Sequence[str]) -> None:
    """Refuse a tracker whose package is not installed.

    Raises:
        MissingExtraError: the first such tracker.
    """
    for name in names:
        packages = _PACKAGES.get(name, (name,))
        if not any(importlib.util.find_spec(package) for package in packages):
            raise MissingExtraError(
                f"`report_to={name}`", found=f"the package {packages[0]} is not installed",
                expected="an installed one of tensorboard, trackio, mlflow, wandb",
                remedy=f"pip install {packages[0]}",
            )  # fmt: skip


def tracker_callbacks(names: Sequence[str], run: str) -> list[TrainerCallback]:
    """Return the callbacks of trackers, made by `transformers`.

    Tensorboard would write among the checkpoints, which are deleted at the end: it writes into
    `runs/RUN` instead, unless TENSORBOARD_LOGGING_DIR says otherwise.

    Args:
        names: the trackers.
        run: what the run is called.

    Raises:
        MissingExtraError: a package that is there and does not work.
    """
    callbacks: list[Any] = []
    for name in names:

        def failed(error: Exception, name: str = name) -> MissingExtraError:
            return MissingExtraError(
                f"`report_to={name}`", found=f"cannot be used ({said(error)})",
                expected="a package that works", remedy="KDPROBE_DEBUG=1 shows the traceback",
            )  # fmt: skip

        with translated(failed):
            from transformers.integrations import get_reporting_integration_callbacks

            (callback_class,) = get_reporting_integration_callbacks([name])
            callback: Any = callback_class()
        if name == "tensorboard" and getattr(callback, "logging_dir", None) is None:
            callback.logging_dir = f"{BOARD}/{run}"
        callbacks.append(callback)
    return callbacks
