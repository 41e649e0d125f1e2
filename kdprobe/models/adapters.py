"""Folders of the package `peft`: an adapter, merged into the model it was trained on.

Does: find the base, open it with the head that the adapter brings, merge, and refuse whatever would
be random or left out. Does not: run it, or read tokenizers; `checkpoint.py` does.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification

from kdprobe.errors import CheckpointError, MissingExtraError, UsageError
from kdprobe.foreign import said, translated
from kdprobe.models.building import described
from kdprobe.models.folder import check_folder, fingerprint, locate
from kdprobe.models.opening import OpenedModel, open_config, open_model, quiet
from kdprobe.models.weights import ADAPTER, read_shapes, weight_files
from kdprobe.plain_files import read_json
from kdprobe.plain_text import printable

_WEIGHTS = "adapter_model.safetensors"
_INSIDE = "base_model.model."
"""What stands before the names of a model's own weights in an adapter's file."""
_LABELS = ("id2label", "label2id", "num_labels", "problem_type")


class Merged(NamedTuple):
    """A base with an adapter merged into it.

    Args:
        opened: the model; of its weights none is missing.
        written: the config that its labels are read from, as a file holds it.
        base: where the base lies.
        fingerprint: SHA-256 over those of both folders.
        files: the weights of both.
    """

    opened: OpenedModel
    written: Mapping[str, object]
    base: Path
    fingerprint: str
    files: tuple[Path, ...]


def open_adapter(folder: Path, path: str, *, base: str, offline: bool) -> Merged:
    """Open the base of an adapter and merge the adapter into it.

    Definition: `PeftModel.load_adapter`, then `merge_and_unload`. The head is the adapter's where
    it holds one (`modules_to_save`), else the base's; its labels are those of a config.json beside
    the adapter, else of the base's where it has as many, else `LABEL_0`, ….

    Args:
        folder: of the adapter.
        path: how a person named it, for messages.
        base: where its base lies; empty: where its config says.
        offline: True asks the network nothing.

    Raises:
        MissingExtraError: `peft` is not installed.
        CheckpointError: no base, a head that neither holds, pickled or incomplete weights, an
            adapter that changes no weights (a prompt), or another model's.
    """
    peft = _package(path)
    settings = _settings(folder)
    file = folder / _WEIGHTS
    held = _held(file, path)
    place = _base(folder, path, settings, base, offline=offline)
    shown = Path(base or str(settings["base_model_name_or_path"])).name
    named = f"{path} (its base {shown})"
    written = _labelled(folder, check_folder(place), place, held)
    config = open_config(place, named)
    _number_outputs(config, written)
    opened = open_model(
        AutoModelForSequenceClassification, place, named, config,
        expected="a base that transformers knows for sequence classification",
    )  # fmt: skip
    lacking = sorted(opened.missing - held.keys())
    if lacking:
        raise CheckpointError(
            path, found=f"its head would be random: neither the adapter nor its base {shown} "
            f"holds {', '.join(lacking[:3])}",
            expected="an adapter saved with its head (modules_to_save), or a base with one",
            remedy="train it for sequence classification: LoraConfig(task_type='SEQ_CLS')",
        )  # fmt: skip
    model = _merged(peft, opened.model, folder, path)
    kind, rank = settings.get("peft_type", "adapter"), settings.get("r")
    note = f"a {kind} adapter{f' of rank {rank}' if rank else ''}, merged into its base {shown}"
    hashed = hashlib.sha256(f"{fingerprint(folder)} {fingerprint(place)}".encode()).hexdigest()
    whole = OpenedModel(model, frozenset(), {}, (note, *opened.notes))
    return Merged(whole, written, place, hashed, (file, *weight_files(place)))


def adapter_config(folder: Path, path: str, *, base: str, offline: bool) -> Mapping[str, object]:
    """Return the config that an adapter's labels are read from; see `open_adapter`."""
    place = _base(folder, path, _settings(folder), base, offline=offline)
    return _labelled(folder, check_folder(place), place, _held(folder / _WEIGHTS, path))


def _held(file: Path, path: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an adapter's weights, by the names that the model itself has."""
    if not file.is_file():
        raise CheckpointError(
            path, found=f"holds no {_WEIGHTS}", expected="the adapter's weights as safetensors",
            remedy="a pickle can run any program: save it again with safe_serialization=True",
        )  # fmt: skip
    shapes = read_shapes([file])
    return {name.removeprefix(_INSIDE): shape for name, shape in shapes.items()}


def _package(path: str) -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError(
            path, found="holds an adapter, and peft, which reads it, is not installed",
            remedy="pip install 'kdprobe[peft]', or merge it: merge_and_unload()"
            ".save_pretrained(new folder)",
        ) from error  # fmt: skip
    return peft


def _settings(folder: Path) -> Mapping[str, Any]:
    settings = read_json(folder / ADAPTER, error=CheckpointError)
    if not isinstance(settings, dict) or not isinstance(settings.get("peft_type"), str):
        raise CheckpointError(
            str(folder / ADAPTER), found="names no peft_type",
            expected="the config that peft's save_pretrained writes",
        )  # fmt: skip
    return settings


def _base(
    folder: Path, path: str, settings: Mapping[str, Any], given: str, *, offline: bool
) -> Path:
    """Find the base: where the user says, where the config says, or beside the adapter."""
    named = given or settings.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise CheckpointError(
            path, found=f"its {ADAPTER} names no base model", expected="base_model_name_or_path",
            remedy="say where its base lies: `?base=PATH`",
        )  # fmt: skip
    last = Path(named).name
    places = [Path(named)] if given else [Path(named), folder / named, folder.parent / last]
    for place in dict.fromkeys(places):
        if place.is_dir() and place.resolve() != folder.resolve():
            return place
    try:
        return locate(named, offline=offline)
    except UsageError as error:
        looked = ", ".join(printable(str(place), limit=200) for place in dict.fromkeys(places))
        raise CheckpointError(
            path, found=f"its base {printable(named, limit=80)} is at none of {looked}",
            expected="the model it was trained on, as a folder or in the hub's cache",
            remedy=f"say where it lies: `?base=PATH` (of the hub: {error.found})",
        ) from error  # fmt: skip


def _labelled(
    folder: Path, written: Mapping[str, object], base: Path, held: Mapping[str, tuple[int, ...]]
) -> Mapping[str, object]:
    """Return the base's config with the labels of the adapter's head."""
    beside = folder / "config.json"
    if beside.is_file():
        own = read_json(beside, error=CheckpointError)
        if isinstance(own, dict):
            return _unlabelled(written) | {key: own[key] for key in _LABELS if key in own}
    config = open_config(base, str(base))
    outputs = _outputs(config, held)
    if outputs is None or outputs == config.num_labels:
        return written
    return _unlabelled(written) | {"num_labels": outputs}


def _unlabelled(written: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in written.items() if key not in _LABELS}


def _outputs(config: Any, held: Mapping[str, tuple[int, ...]]) -> int | None:
    """Return how many outputs the head of an adapter has; None: it has no head."""
    with quiet():
        make = partial(AutoModelForSequenceClassification.from_config, trust_remote_code=False)
        model = described(make, config)
    if model is None:
        return None
    heads = [
        held[name][0]
        for name, shape in model.shapes.items()
        if name in held and not name.startswith(model.body)
        and len(shape) == 2 and shape[0] == config.num_labels
    ]  # fmt: skip
    return heads[-1] if heads else None


def _number_outputs(config: Any, written: Mapping[str, object]) -> None:
    """Give a config the number of outputs, and the names, that its adapter's head has."""
    names = written.get("id2label")
    count = len(names) if isinstance(names, dict) else written.get("num_labels", 2)
    if isinstance(count, int) and not isinstance(count, bool) and count != config.num_labels:
        config.num_labels = count


def _merged(peft: Any, model: Any, folder: Path, path: str) -> Any:
    """Merge an adapter; what it holds must be all that is needed, and all of it used."""

    def failed(error: Exception) -> CheckpointError:
        return CheckpointError(
            path, found=f"cannot be merged into its base ({said(error)})",
            expected="an adapter that was trained on this base",
            remedy="name another base (`?base=PATH`), or merge it where it was trained",
        )  # fmt: skip

    with quiet(), translated(failed), warnings.catch_warnings(), torch.random.fork_rng([]):
        warnings.simplefilter("ignore")
        config = peft.PeftConfig.from_pretrained(str(folder), local_files_only=True)
        if config.is_prompt_learning:
            raise CheckpointError(
                path, found=f"is a {config.peft_type.value} adapter, which changes no weights",
                expected="one that can be merged, such as LoRA",
                remedy="compare a function that runs it, or a file of its predictions",
            )  # fmt: skip
        config.inference_mode = True
        kinds = peft.MODEL_TYPE_TO_PEFT_MODEL_MAPPING
        adapted = kinds.get(config.task_type, peft.PeftModel)(model, config)
        loaded = adapted.load_adapter(str(folder), "default", is_trainable=False)
        _refuse_others(path, "misses", loaded.missing_keys)
        _refuse_others(path, "holds, and its base has no place for,", loaded.unexpected_keys)
        return adapted.merge_and_unload(safe_merge=True).eval()


def _refuse_others(path: str, what: str, names: Sequence[str]) -> None:
    if names:
        raise CheckpointError(
            path, found=f"{what} the weight {sorted(names)[0].removeprefix(_INSIDE)}"
            f"{f' and {len(names) - 1} more' if len(names) > 1 else ''}",
            expected="the adapter of this base", remedy="name another base: `?base=PATH`",
        )  # fmt: skip
