"""`kdprobe doctor`: versions, devices, caches, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from pathlib import Path

import typer

from kdprobe.cli import terminal
from kdprobe.version import __version__

_PACKAGES = (
    "torch", "transformers", "datasets", "accelerate", "captum", "lime", "shap", "numpy", "scipy",
    "statsmodels", "pydantic", "typer", "rich", "jinja2",
)  # fmt: skip

_EXTRAS = {
    "gensim": "vectors", "peft": "peft", "onnx": "onnx", "onnxruntime": "onnx",
    "bitsandbytes": "quantized",
}  # fmt: skip
"""Packages that some models need -> the extra that brings them."""


@terminal.guarded
def doctor() -> None:
    """Show versions, devices, caches and data; exit with 2 when something needed is missing.

    Example: kdprobe doctor
    """
    checks = [*_versions(), *_devices(), *_places()]
    rows = [(what, value, remedy) for what, value, remedy, _ in checks]
    terminal.show(terminal.table("kdprobe doctor", ("what", "found", "what to do"), rows))
    missing = [what for what, _, _, fine in checks if not fine]
    if missing:
        terminal.tell(f"Missing: {', '.join(missing)}")
        raise typer.Exit(terminal.USAGE)
    typer.echo("Everything needed is there.")


_Check = tuple[str, str, str, bool]


def _versions() -> list[_Check]:
    checks: list[_Check] = [
        ("kdprobe", __version__, "", True),
        ("Python", platform.python_version(), "", True),
    ]
    for name in _PACKAGES:
        try:
            checks.append((name, importlib.metadata.version(name), "", True))
        except importlib.metadata.PackageNotFoundError:
            checks.append((name, "missing", f"pip install -c constraints.txt {name}", False))
    for name, extra in _EXTRAS.items():
        known = importlib.util.find_spec(name) is not None
        value = importlib.metadata.version(name) if known else "not installed"
        checks.append((name, value, "" if known else f"pip install 'kdprobe[{extra}]'", True))
    return checks


def _devices() -> list[_Check]:
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    from kdprobe.models.devices import resolve_device

    cores = os.cpu_count() or 1
    checks: list[_Check] = [
        ("threads", f"{torch.get_num_threads()} of {cores} cores", "", True),
        ("device", str(resolve_device("auto")), "", True),
    ]
    if torch.cuda.is_available():
        checks.append(("CUDA", torch.cuda.get_device_name(0), "", True))
    return checks


def _places() -> list[_Check]:
    from kdprobe.cache import Cache

    cache = Cache.default().info()
    free = shutil.disk_usage(_existing(cache.root)).free / 1e9
    data = os.environ.get("KDPROBE_DATA", "")
    is_there = bool(data) and Path(data).is_dir()
    return [
        ("cache", f"{cache.root} ({cache.bytes / 1e6:.1f} MB, {free:.1f} GB free)", "", True),
        (
            "task data",
            data
            if is_there
            else ("no such folder: " + data if data else "KDPROBE_DATA is not set"),
            ""
            if is_there
            else "set KDPROBE_DATA or use --data-dir; `kdprobe tasks NAME` says more",
            True,
        ),
        (
            "hub",
            "off (HF_HUB_OFFLINE)" if os.environ.get("HF_HUB_OFFLINE") else "asked when needed",
            "",
            True,
        ),
        (
            "browser for page tests",
            shutil.which("chromium") or "none",
            "" if shutil.which("chromium") else "only developers need it: apt install chromium",
            True,
        ),
    ]


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
