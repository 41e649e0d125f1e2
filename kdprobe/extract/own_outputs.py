"""Whether what explainers run of a text is what the model itself says of it.

Does: hold the explained output of a few whole texts against the model's own forward of that one
text, and try every method on one short text before the first long one. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdprobe.errors import CapabilityError
from kdprobe.extract.coalitions import ValueFunction
from kdprobe.extract.method import METHODS, ExplanationInput
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.foreign import debugging
from kdprobe.plain_text import printable


def require_own_outputs(games: Sequence[ValueFunction]) -> None:
    """Refuse to explain a model of which another function would be explained.

    Args:
        games: a few texts as they are put to one model.

    Raises:
        CapabilityError: the outputs differ beyond `TextModel`'s tolerance; completeness checks
            cannot see it, since they use the same function.
    """
    reader = games[0].reader
    rows = [game.tokens([game.texts])[0] for game in games]
    values = reader.logits(rows, at_once=True)
    deviation = reader.deviation([game.texts for game in games], values)
    if deviation is not None:
        raise CapabilityError(
            reader.name,
            found=f"what explainers would run {deviation}",
            expected="one function",
            remedy="its output may not be the same twice; compare its predictions alone",
        )


def method_obstacles(sentence: ExplanationInput, setting: ExplanationSettings) -> dict[str, str]:
    """Return which methods cannot be used with a model, and why.

    Args:
        sentence: a short text as it is put to the model.
        setting: the methods with their options.
    """
    reasons: dict[str, str] = {}
    for name, options in setting.methods.items():
        method: Any = METHODS.load(name)
        try:
            method.explain([sentence], sentence.game.reader, options, setting.output)
        except CapabilityError as error:
            reasons[name] = error.found
        except Exception as error:  # whatever a library raises: the others are still explained
            if debugging():
                raise
            reasons[name] = f"failed ({type(error).__name__}: {printable(str(error), limit=200)})"
    return reasons
