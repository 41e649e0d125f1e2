r"""Rasa's training data: `nlu.yml`, examples listed under their intents.

Does: read the YAML formats 2 and 3 (`nlu:` with `intent:` and `examples:`), strip the markup of
entities (`[Berlin](city)`, `[Berlin]{"entity": "city"}`) and keep each example's line. Does not:
read the older Markdown format, nor stories, synonyms, lookups and regexes (passed over).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from kdprobe.errors import TaskError
from kdprobe.tasks.readers import read_text
from kdprobe.tasks.table import ColumnTable

_ENTITY = re.compile(r"\[([^\]\[]+)\](?:\([^)]*\)|\{[^}]*\}|\[\{[^\]]*\}\])")
_OTHER_KINDS = ("synonym", "lookup", "regex")


def strip_entities(example: str) -> str:
    """Return an example as a person says it.

    >>> strip_entities('from [Berlin](city) to [San Francisco]{"entity": "city", "role": "to"}')
    'from Berlin to San Francisco'
    """
    return _ENTITY.sub(r"\1", example)


def read_rasa(path: Path) -> ColumnTable:
    """Read the examples of an `nlu.yml`, columns `text` and `intent`.

    Raises:
        TaskError: not YAML, no `nlu:` list, an item without intent, a line without `- `.
    """
    source = read_text(path)
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise TaskError(
            where,
            found=f"is not YAML ({error.problem})",
            expected="Rasa training data",
            remedy="correct the line",
        ) from error
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 1
        raise TaskError(
            f"{path}:{line}",
            found=f"is not YAML (character {error.character:#x}: {error.reason})",
            expected="Rasa training data",
            remedy="delete the character",
        ) from error
    except RecursionError as error:
        raise TaskError(
            str(path), found="is nested too deeply", expected="Rasa training data"
        ) from error
    rows: list[tuple[int, str, str]] = []
    for item in _items(root, path):
        rows += _examples(item, path)
    columns = {
        "text": tuple(text for _, text, _ in rows),
        "intent": tuple(intent for _, _, intent in rows),
    }
    return ColumnTable(str(path), columns, tuple(line for line, _, _ in rows))


def _fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value}


def _items(root: yaml.Node | None, path: Path) -> list[yaml.Node]:
    listed = _fields(root).get("nlu")
    if isinstance(listed, yaml.SequenceNode):
        return list(listed.value)
    raise TaskError(
        str(path),
        found="no list 'nlu:'",
        expected="Rasa training data: 'nlu:' with '- intent: NAME' and 'examples: |'",
        remedy="convert older Markdown data with Rasa's own 'rasa data convert nlu'",
    )


def _examples(item: yaml.Node, path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, text and intent of each example of one item."""
    fields = _fields(item)
    if any(kind in fields for kind in _OTHER_KINDS):
        return
    intent, examples = fields.get("intent"), fields.get("examples")
    if not isinstance(intent, yaml.ScalarNode) or examples is None:
        missing = "examples" if isinstance(intent, yaml.ScalarNode) else "intent"
        raise TaskError(
            f"{path}:{item.start_mark.line + 1}",
            found=f"an item of 'nlu:' without '{missing}:'",
            expected="'intent: NAME' and 'examples: |'",
        )
    for line, text in _example_lines(examples, path):
        yield line, strip_entities(text).strip(), str(intent.value)


def _example_lines(node: yaml.Node, path: Path) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.SequenceNode):
        # The long form: '- text: |' with metadata beside it.
        for item in node.value:
            text = _fields(item).get("text", item)
            if not isinstance(text, yaml.ScalarNode):
                raise TaskError(
                    f"{path}:{item.start_mark.line + 1}",
                    found="an example without 'text:'",
                    expected="'- text: WORDS'",
                )
            yield text.start_mark.line + 1, str(text.value).strip().removeprefix("- ")
        return
    # A block scalar keeps its line breaks, so its n-th line is the n-th after the '|'.
    first = node.start_mark.line + (2 if getattr(node, "style", None) == "|" else 1)
    for offset, line in enumerate(str(node.value).split("\n")):
        stripped = line.strip()
        if not stripped:
            continue
        if not stripped.startswith("-") or not stripped[1:].strip():
            raise TaskError(
                f"{path}:{first + offset}",
                found=repr(stripped),
                expected="an example on a line of its own, '- WORDS'",
            )
        yield first + offset, stripped[1:].strip()
