"""Models built from a config alone, after their size was looked at.

Does: count the weights that a config describes without taking memory for them, refuse more than the
machine has, and build. Does not: read weights; `opening.py` does.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel

from kdprobe.errors import ConfigError
from kdprobe.foreign import said, translated
from kdprobe.models.capacity import billions, check_layers, check_memory, count_of

Make = Callable[[Any], PreTrainedModel]
_WEIGHT = 4  # bytes
_TRAINED = 4  # times a weight: itself, its gradient, and two running means of the optimiser


class Described(NamedTuple):
    """What a config describes.

    Args:
        shapes: of every weight, by name; two names may be one tied weight.
        total: the numbers in all weights, tied ones once.
        body: what the names of the encoder's weights begin with.
    """

    shapes: Mapping[str, tuple[int, ...]]
    total: int
    body: str


def described(make: Make, config: Any) -> Described | None:
    """Return the weights of the model that a config describes; no memory is taken for them.

    Args:
        make: builds a model of a config.
        config: left as it is, as is torch's global generator.

    Returns:
        The weights; None when it cannot be built so: whoever builds it with weights hears why.
    """
    with contextlib.suppress(Exception), warnings.catch_warnings(), torch.random.fork_rng([]):
        warnings.simplefilter("ignore")
        with torch.device("meta"):
            model = make(copy.deepcopy(config))
        shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
        total = count_of(weight.shape for weight in model.parameters())
        return Described(shapes, total, f"{model.base_model_prefix}.")
    return None


def build_fresh(make: Make, config: Any, *, where: str) -> PreTrainedModel:
    """Build a model that will be trained; its weights come from torch's global generator.

    Definition: its memory is four bytes a weight where a CUDA device trains it, and on the CPU four
    times as many: weights, gradients and two running means of AdamW.

    Args:
        make: builds a model of a config.
        config: its sizes.
        where: the option that gives them, for messages.

    Raises:
        ConfigError: more layers than 1,000, more weights than the memory takes, or sizes of which
            `transformers` makes no model.
    """
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int):
        check_layers(layers, where=where, error=ConfigError)
    sizes = described(make, config)
    if sizes is not None:
        times, purpose = (
            (1, "") if torch.cuda.is_available() else (_TRAINED, " and all to train them")
        )
        check_memory(
            times * _WEIGHT * sizes.total,
            where=where,
            what=f"{billions(sizes.total)}{purpose}",
            error=ConfigError,
            remedy="name a smaller model",
        )
    with translated(lambda error: ConfigError(where, found=f"gives no model ({said(error)})")):
        return make(config)
