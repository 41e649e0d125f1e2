"""Treebanks: constituency trees (`.mrg`) and Universal Dependencies (`.conllu`).

Does: read trees with traces and function tags removed, and dependency sentences with their
features. Does not: decide what probing tasks make of them; `probing_facts.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.tasks.grammar.trees import Tree
from kdprobe.tasks.readers import read_text

_TOKEN = re.compile(r"[()]|[^\s()]+")
_BRACKETS = {
    "-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "-LSB-": "[", "-RSB-": "]"
}  # fmt: skip


@dataclass(frozen=True)
class UdWord:
    """One word of a dependency sentence; `head` counts from 1, 0 is the root."""

    form: str
    lemma: str
    upos: str
    features: dict[str, str]
    head: int
    relation: str


def _base(label: str) -> str:
    """Cut function tags and indices off a category: `NP-SBJ-1` is an `NP`."""
    if label.startswith("-"):
        return label
    return re.split(r"[-=|]", label)[0]


def read_mrg(path: Path) -> Iterator[Tree]:
    """Yield the trees of a file in the Penn Treebank's bracket format.

    Traces (`-NONE-`) and what holds nothing else are left out, function tags are cut off, and an
    outer bracket without a label is unwrapped.

    Raises:
        TaskError: brackets do not match, or a bracket holds neither a word nor constituents.
    """
    text = read_text(path)
    stack: list[list[object]] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            stack.append([])
            continue
        if not stack:
            raise _fault(path, text, match.start(), f"{token!r} outside any bracket")
        if token != ")":
            stack[-1].append(token)
            continue
        node = _node(path, text, match.start(), stack.pop())
        if stack:
            if node is not None:
                stack[-1].append(node)
        elif node is not None:
            yield node
    if stack:
        raise _fault(path, text, len(text), "the file ends inside a bracket")


def _node(path: Path, text: str, at: int, parts: list[object]) -> Tree | None:
    label = parts[0] if parts and isinstance(parts[0], str) else ""
    rest = parts[1:] if label else parts
    if len(rest) == 1 and isinstance(rest[0], str):
        word = _BRACKETS.get(rest[0], rest[0])
        return None if label == "-NONE-" else Tree(_base(label), word=word)
    children = tuple(part for part in rest if isinstance(part, Tree))
    if len(children) != len(rest):
        raise _fault(path, text, at, "a bracket holds both words and constituents")
    if not children:
        return None
    if not label:
        return children[0] if len(children) == 1 else Tree("TOP", children)
    return Tree(_base(label), children)


def _fault(path: Path, text: str, at: int, fault: str) -> TaskError:
    line = text.count("\n", 0, at) + 1
    return TaskError(
        f"{path.name}:{line}", found=fault, expected="bracketed trees, one after the other"
    )


def read_conllu(path: Path) -> Iterator[tuple[UdWord, ...]]:
    """Yield the sentences of a CoNLL-U file; multiword ranges and empty nodes are left out.

    Raises:
        TaskError: a line has other than ten fields, words are not counted from 1, a head is no
            number or no word of the sentence, or the heads run in a circle.
    """
    sentence: list[UdWord] = []
    for number, line in enumerate([*read_text(path).split("\n"), ""], start=1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if sentence:
                _check_heads(f"{path.name}:{number - len(sentence)}", sentence)
                yield tuple(sentence)
            sentence = []
            continue
        fields = line.split("\t")
        if len(fields) != 10:
            raise TaskError(
                f"{path.name}:{number}",
                found=f"{len(fields)} tab-separated fields",
                expected="ten (CoNLL-U)",
            )
        if not fields[0].isdigit():
            continue
        if int(fields[0]) != len(sentence) + 1:
            raise TaskError(
                f"{path.name}:{number}",
                found=f"word {fields[0]} follows word {len(sentence)}",
                expected="words counted from 1, and an empty line after each sentence",
            )
        if not fields[6].isdigit():
            raise TaskError(
                f"{path.name}:{number}", found=f"the head is {fields[6]!r}", expected="a number"
            )
        features = dict(pair.split("=", 1) for pair in fields[5].split("|") if "=" in pair)
        sentence.append(
            UdWord(
                fields[1].replace(" ", "_"),
                fields[2],
                fields[3],
                features,
                int(fields[6]),
                fields[7].split(":")[0],
            )
        )


def _check_heads(where: str, sentence: Sequence[UdWord]) -> None:
    """Refuse heads that are no tree; `where` is about the sentence's first line."""
    for at, word in enumerate(sentence, start=1):
        if word.head > len(sentence):
            raise TaskError(
                where,
                found=f"the head of word {at} ({word.form!r}) is {word.head}",
                expected=f"0 to {len(sentence)}, the words of its sentence",
            )
    for at, word in enumerate(sentence, start=1):
        visited = {at}
        head = word.head
        while head:
            if head in visited:
                raise TaskError(
                    where,
                    found=f"the heads above word {at} ({word.form!r}) run in a circle",
                    expected="heads that end at the root, 0",
                )
            visited.add(head)
            head = sentence[head - 1].head
