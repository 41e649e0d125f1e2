"""How explanations are made, as a person sets it: class, output, way of leaving out, methods.

Does: check what was typed against what there is, and put it into the request. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, cast

from pydantic import JsonValue

from kdprobe.comparison.attribution_plan import OPTION, AttributionRequest, Target
from kdprobe.config.base import Options, parse
from kdprobe.errors import ConfigError


class AttributionSettings(Options):
    """What holds for all methods; see `AttributionRequest`."""

    target: Target = "teacher"
    output: Literal["log-odds", "probability"] = "log-odds"
    removal: Literal["delete", "mask"] = "delete"


def configured(
    request: AttributionRequest | None, settings: Mapping[str, object]
) -> AttributionRequest | None:
    """Put settings into a request.

    Args:
        request: what is explained; None: nothing.
        settings: `target`, `output`, `removal`, and for each method a mapping of its options.

    Raises:
        UnknownNameError: a key that is neither a setting nor a method; the nearest are offered.
        ConfigError: settings when nothing is explained, or what `AttributionRequest` refuses.
    """
    from kdprobe.extract.method import METHODS
    from kdprobe.registry import known_name

    if not settings:
        return request
    common = tuple(AttributionSettings.model_fields)
    known, aliases, option = (*common, *METHODS.names()), METHODS.aliases(), OPTION.strip("-")
    settings = {
        known_name("setting or method", key, known, aliases=aliases, option=option): value
        for key, value in settings.items()
    }
    if request is None:
        raise ConfigError(
            OPTION,
            found="nothing is explained",
            expected="--methods or --attribution-sentences beside it",
        )
    general = {key: value for key, value in settings.items() if key in common}
    chosen = parse(AttributionSettings, general, OPTION)
    options = {key: value for key, value in settings.items() if key not in common}
    return replace(
        request,
        target=chosen.target,
        output=chosen.output,
        removal=chosen.removal,
        options=cast(Mapping[str, Mapping[str, object]], options),
    )


def settings_told(request: AttributionRequest | None) -> dict[str, JsonValue] | None:
    """Give every choice after defaults were filled in, for the protocol card."""
    from kdprobe.extract.method import METHODS

    if request is None:
        return None
    told: dict[str, JsonValue] = {
        "target": request.target, "output": request.output, "removal": request.removal,
    }  # fmt: skip
    for name in request.methods:
        made = METHODS.load(name).options(**dict(request.options.get(name, {})))
        told[name] = made.model_dump(mode="json")
    return told
