"""Words of the command line, read into the values that the library takes.

Does: read lists of names, `KEY=VALUE` and `NAME.KEY=VALUE` words, and label maps. Does not: know
the options; `config/` types them.
"""

from __future__ import annotations

from collections.abc import Mapping


def pairs(option: str, values: list[str] | None) -> dict[str, str]:
    """Read `KEY=VALUE` words.

    Raises:
        ConfigError: a word without `=`, or a key given twice.

    >>> pairs("--set", ["a=1", "b=x=y"])
    {'a': '1', 'b': 'x=y'}
    """
    from kdprobe.errors import ConfigError

    read: dict[str, str] = {}
    for word in values or []:
        key, mark, value = word.partition("=")
        if not mark or not key:
            raise ConfigError(option, found=f"{word!r}", expected="KEY=VALUE")
        if key in read:
            raise ConfigError(option, found=f"{key!r} is given twice", expected="each key once")
        read[key] = value
    return read


def nested(option: str, values: list[str] | None) -> dict[str, object]:
    """Read `KEY=VALUE` and `NAME.KEY=VALUE` words; numbers and booleans are read as TOML.

    Raises:
        ConfigError: a word without `=`, a key given twice, or both NAME=… and NAME.KEY=….

    >>> nested("--method-set", ["target=gold", "lime.samples=10", "lime.exact_words=0"])
    {'target': 'gold', 'lime': {'samples': 10, 'exact_words': 0}}
    """
    from kdprobe.errors import ConfigError
    from kdprobe.plain_files import toml_value

    read: dict[str, object] = {}
    for key, value in pairs(option, values).items():
        name, dot, inner = key.partition(".")
        place = read.setdefault(name, {}) if dot else read
        if not isinstance(place, dict) or (not dot and name in read):
            raise ConfigError(option, found=f"{name!r} is given twice", expected="one way")
        place[inner if dot else name] = toml_value(value, where=option)
    return read


def names(values: list[str] | None, option: str = "a list of names") -> list[str]:
    """Split comma-separated names, given once or repeatedly.

    Args:
        values: as given; None and none: the option was left out.
        option: for the message.

    Raises:
        ConfigError: the option was given and names nothing.

    >>> names(["a,b", "c"], "--only")
    ['a', 'b', 'c']
    """
    from kdprobe.errors import ConfigError

    split = [name.strip() for value in values or [] for name in value.split(",") if name.strip()]
    if values and not split:
        raise ConfigError(
            option,
            found="names nothing",
            expected="NAME,...",
            remedy="leave it out for the default",
        )
    return split


def label_map(text: str | None) -> Mapping[str, str] | None:
    """Read `--label-map`: `MODEL=TASK,…`, or `positional`.

    Raises:
        ConfigError: a part without `=`, or a label given twice.

    >>> label_map("LABEL_0=negative, LABEL_1=positive")
    {'LABEL_0': 'negative', 'LABEL_1': 'positive'}
    """
    if text is None:
        return None
    if text.strip() == "positional":
        from kdprobe.models.labels import POSITIONAL

        return POSITIONAL
    return pairs("--label-map", names([text], "--label-map"))
