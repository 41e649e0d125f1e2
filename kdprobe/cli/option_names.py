"""Option names in messages, as the command line spells them.

Does: put the flag where a message of the library names an option between backticks (`batch_size`,
`labels=A,B`). Does not: know the options; the models that type them do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdprobe.config.flags import FlagOptions

_OPTION = re.compile(r"`([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)?)(?:=([^`]*))?`")
_OTHERS = {
    "accuracy": "accuracy", "config": "config", "fail_if": "fail-if", "generate": "generate",
    "kappa": "kappa", "length_bins": "length-bins", "methods": "methods", "runs": "sweep",
    "source": "from",
}  # fmt: skip
"""Options of single commands that no model types."""


def with_flags(message: str) -> str:
    """Return a message with flags in place of the option names of the library.

    >>> with_flags("`batch_size`: is 0; leave `labels=A,B` out of `x.html`, or say `bf16=False`")
    '--batch-size: is 0; leave --labels A,B out of `x.html`, or say --no-bf16'
    >>> with_flags("`address`: h:1, expected `executor=ray` beside it; name it with `values=e=...`")
    '--address: h:1, expected --executor ray beside it; name it with --value e=...'
    """
    return _OPTION.sub(_flag, message) if "`" in message else message


def _flag(match: re.Match[str]) -> str:
    name, value = match.group(1), match.group(2)
    word = flag_words().get(name)
    if word is None:
        return match.group()
    if name == "output" and match.start():  # where the message begins it is spelt out
        return "-o" if value is None else f"-o {value}"
    if value == "False":
        return f"--no-{word}"
    return f"--{word}" if value is None or value == "True" else f"--{word} {value}"


@cache
def flag_words() -> Mapping[str, str]:
    """Return the flag of every option, without dashes, by the name that messages have for it."""
    from kdprobe.collectors.protocol import options_of
    from kdprobe.comparison.options import SHORT_KEYWORDS
    from kdprobe.config.flags import flags_of

    words = dict(_OTHERS)
    for model in _models():
        for one in flags_of(model).values():
            words[one.option] = one.words[0]
    for keyword, (collector, option) in SHORT_KEYWORDS.items():
        words[keyword] = flags_of(options_of(collector))[option].words[0]
    return words


def _models() -> Iterator[type[FlagOptions]]:
    from kdprobe.collectors.protocol import COLLECTORS, options_of
    from kdprobe.comparison.options import AnalysisOptions
    from kdprobe.config import commands, options, suite_options

    yield AnalysisOptions
    yield from (options_of(name) for name in COLLECTORS.names())
    yield from (options.EvaluationDataOptions, options.InferenceRuntime)
    yield from options.TRAINING_OPTIONS
    yield suite_options.SuiteRunOptions
    yield from (commands.DistillOptions, commands.FinetuneOptions, commands.AugmentOptions)
