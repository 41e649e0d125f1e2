"""The one door to what `transformers` opens: configs, weights and tokenizers of model folders.

Does: check what a config says against the weights that lie beside it before anything is built, open
each part, and turn whatever the libraries raise into one message with file and field. Does not:
know tasks or labels; `checkpoint.py` does.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

import kdprobe.models.bilstm  # noqa: F401 (registers the BiLSTM with transformers)
from kdprobe.errors import CheckpointError
from kdprobe.foreign import said, translated
from kdprobe.models.building import Described, described
from kdprobe.models.capacity import billions, check_memory, count_of
from kdprobe.models.config_faults import check_config_sizes, fault_of_field, field_at_fault
from kdprobe.models.label_names import numbered_names
from kdprobe.models.tokenizer_faults import unreadable
from kdprobe.models.weights import read_shapes, unwrapped, weight_files, wrapper_note, wrapper_of
from kdprobe.plain_files import read_json
from kdprobe.plain_text import printable

_NUMBERS = re.compile(r"(?<=\.)\d+(?=\.)")
_COPY_AGAIN = "copy or download the folder again"

Shapes = Mapping[str, tuple[int, ...]]


class OpenedModel(NamedTuple):
    """A model as its folder holds it.

    Args:
        model: float32, on the CPU, in eval mode.
        missing: names of weights that the folder does not hold, or holds in another shape.
        reshaped: of those the ones it holds, with the shape they have there.
        notes: what the reader must know of how it was read.
    """

    model: PreTrainedModel
    missing: frozenset[str]
    reshaped: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' log lines and bars off the terminal, and restore its settings after."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


def open_config(folder: Path, path: str) -> Any:
    """Open the config of a model folder, its sizes looked at.

    Args:
        folder: where it lies.
        path: how a person named it, for messages.

    Raises:
        CheckpointError: a model type nobody knows, a field of the wrong kind, a size below one.
    """
    where = f"{path}: config.json"
    written = read_json(folder / "config.json", error=CheckpointError)
    numbered_names(written, where=where)
    with (
        quiet(),
        translated(
            lambda error: fault_of_field(
                where, written, error, field_at_fault(written, error, _config_of)
            )
        ),
    ):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    check_config_sizes(where, written, config)
    outputs_by_name(config)
    return config


def outputs_by_name(config: Any) -> None:
    """Make a config's models give outputs by their names; for torch.jit they give tuples."""
    for name, usual in (("return_dict", True), ("torchscript", False)):
        if getattr(config, name, usual) != usual:
            setattr(config, name, usual)


def _config_of(written: dict[str, Any]) -> Any:
    """Make a config of fields, as one is made of its file."""
    return CONFIG_MAPPING[written["model_type"]].from_dict(written)


def open_model(
    auto: Any,
    folder: Path,
    path: str,
    config: Any,
    *,
    expected: str,
    attention: str | None = None,
) -> OpenedModel:
    """Build a model of a config with the weights of its folder.

    Args:
        auto: the class of `transformers` that opens it.
        folder: where the weights lie.
        path: how a person named it, for messages.
        config: what `open_config` gave, labels changed or not.
        expected: what should lie there, for messages.
        attention: the attention implementation (`eager`, `sdpa`); None: transformers' choice.

    Raises:
        CheckpointError: the config describes other weights than the folder holds, or more than the
            memory takes, or `transformers` cannot build it.
    """
    held = read_shapes(weight_files(folder))
    prefix = wrapper_of(held)
    _check_against_weights(auto, path, config, unwrapped(held))
    settings: dict[str, Any] = {"attn_implementation": attention} if attention else {}
    if prefix:
        settings["key_mapping"] = {f"^{re.escape(prefix)}": ""}
    written = read_json(folder / "config.json", error=CheckpointError)

    def opens(fields: dict[str, Any]) -> None:
        with torch.device("meta"):
            auto.from_config(_config_of(fields), trust_remote_code=False)

    with quiet(), translated(lambda error: _unopened(path, written, error, expected, opens)):
        model, info = auto.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            **settings,
        )
    shapes = {key: (saved, wanted) for key, saved, wanted in info["mismatched_keys"]}
    missing = frozenset(info["missing_keys"]) | frozenset(shapes)
    _refuse_holes(path, model, missing, shapes, held)
    reshaped = {key: tuple(saved) for key, (saved, _) in shapes.items()}
    return OpenedModel(model.eval(), missing, reshaped, (wrapper_note(prefix),) if prefix else ())


def open_tokenizer(folder: Path, path: str) -> PreTrainedTokenizerBase:
    """Open the tokenizer of a model folder.

    Raises:
        CheckpointError: its files are damaged, ask for a package that is not installed, or let no
            token in.
    """
    with quiet(), translated(lambda error: unreadable(folder, path, error, _tokenizer_of)):
        tokenizer = _tokenizer_of(folder)
    limit = tokenizer.model_max_length
    special = tokenizer.num_special_tokens_to_add()
    if not isinstance(limit, int | float) or limit <= special:
        raise CheckpointError(
            f"{path}: tokenizer_config.json",
            found=f"model_max_length is {printable(repr(limit), limit=40)}",
            expected=f"more than the {special} special tokens of a text",
            remedy="set it to the number of tokens that the model reads",
        )
    return tokenizer


def _tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    """Open a tokenizer and read a text: some faults of its files are not noticed before."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    tokenizer(["a", "\u2603"])  # a letter, and what most have no token for
    return tokenizer


def _check_against_weights(auto: Any, path: str, config: Any, held: Shapes) -> None:
    """Compare what a config describes with what lies in the files, before it is built.

    Raises:
        CheckpointError: a size of the config is not that of the weights, or all is too large.
    """
    with quiet():
        model = described(partial(auto.from_config, trust_remote_code=False), config)
    if model is None:
        return
    for name, shape in model.shapes.items():
        saved = held.get(name, held.get(name.removeprefix(model.body), shape))
        if saved != shape and name.startswith(model.body) and ".pooler." not in name:
            raise _other_shape(path, name, saved, shape)
    _refuse_more_layers(path, model, held)
    check_memory(
        4 * model.total,
        where=path,
        what=f"{billions(model.total)} as its config says "
        f"({billions(count_of(held.values()))} in its files)",
        error=CheckpointError,
        remedy="a machine with more memory can open it",
    )


def _refuse_more_layers(path: str, model: Described, held: Shapes) -> None:
    """Refuse weights of layers that a config does not count: `transformers` leaves them out."""
    names = {name.removeprefix(model.body) for name in model.shapes}
    kinds = {_NUMBERS.sub("#", name) for name in names}
    for name in sorted(held):
        inside = name.removeprefix(model.body)
        if inside not in names and "#" in (kind := _NUMBERS.sub("#", inside)) and kind in kinds:
            raise CheckpointError(
                path,
                found=f"its files hold the weight {name} of a layer that its config does not count",
                expected="the weights of the model that config.json describes",
                remedy=f"{_COPY_AGAIN}; a model cut on purpose is saved again: "
                "from_pretrained(folder).save_pretrained(new folder)",
            )


def _refuse_holes(
    path: str,
    model: PreTrainedModel,
    missing: frozenset[str],
    shapes: Mapping[str, tuple[Any, Any]],
    held: Shapes,
) -> None:
    """Refuse weights of the encoder that the folder lacks or holds in another shape."""
    body = model.base_model_prefix + "."
    lacking = sorted(key for key in missing if key.startswith(body) and ".pooler." not in key)
    if not lacking:
        return
    first = lacking[0]
    if first in shapes:
        raise _other_shape(path, first, *shapes[first])
    names = [name for name, _ in model.named_parameters() if name.startswith(body)]
    every = sum(".pooler." not in name for name in names)
    problem, remedy = f"the weight {first} is missing", f"{_COPY_AGAIN}; was config.json changed?"
    if len(lacking) >= every:
        problem = f"none of its weights has the name of one of a {type(model).__name__}"
        remedy = f"they are named like {sorted(held)[0]}, the model's like {first}; save it again"
    raise CheckpointError(
        path,
        found=problem,
        expected="the weights of the model that config.json describes",
        remedy=remedy,
    )


def _other_shape(path: str, name: str, held: Any, wanted: Any) -> CheckpointError:
    return CheckpointError(
        path,
        found=f"the weight {name} has shape {tuple(held)}, its config says {tuple(wanted)}",
        expected="the weights of the model that config.json describes",
        remedy=f"{_COPY_AGAIN}; was config.json changed by hand?",
    )


def _unopened(
    path: str,
    written: Mapping[str, Any],
    error: Exception,
    expected: str,
    opens: Callable[[dict[str, Any]], object],
) -> CheckpointError:
    with torch.random.fork_rng([]):
        field = field_at_fault(written, error, opens)
    if field is not None:
        return fault_of_field(f"{path}: config.json", written, error, field)
    return CheckpointError(path, found=f"cannot be opened ({said(error)})", expected=expected)
