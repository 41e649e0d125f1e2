"""Tasks of several labels at once: one from a treebank's trees, and a tiny one for quick tests.

What an annotated sentence has at once is read off its tree: a negation, a verb in the past, a
subordinate clause. The labels are the annotators', the sentences real; nothing is balanced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from kdprobe.tasks.grammar.trees import Tree
from kdprobe.tasks.probing.treebank import read_mrg

LABELS = ("negation", "past", "subordinate")
_NEGATIONS = frozenset(["not", "n't", "no", "never", "nor", "neither", "none", "nobody", "nothing"])
_LEAST, _MOST = 5, 40
_EVERY = 5  # one sentence of so many is scored, the others are learnt from


def _nodes(tree: Tree) -> Iterator[Tree]:
    yield tree
    for child in tree.children:
        yield from _nodes(child)


def labels_of(tree: Tree) -> list[str]:
    """The labels of a sentence: a negating word, a VBD anywhere, an SBAR anywhere."""
    nodes = list(_nodes(tree))
    words = {(node.word or "").lower() for node in nodes}
    held = (
        bool(words & _NEGATIONS),
        any(node.label == "VBD" for node in nodes),
        any(node.label == "SBAR" for node in nodes),
    )
    return [label for label, there in zip(LABELS, held, strict=True) if there]


def treebank_rows(path: Path) -> Iterator[dict[str, object]]:
    """Sentences of 5 to 40 words with their labels, each text once, in the file's order."""
    texts = set()
    for tree in read_mrg(path):
        words = [node.word for node in _nodes(tree) if node.word]
        text = " ".join(words)
        if _LEAST <= len(words) <= _MOST and text not in texts:
            texts.add(text)
            split = "dev" if len(texts) % _EVERY == 0 else "train"
            yield {"text": text, "labels": labels_of(tree), "split": split}


def write_rows(rows: Iterable[dict[str, object]], path: Path) -> Path:
    """Write rows as JSON lines, labels as lists."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


TASK = """\
name = "clauses"
kind = "multilabel"
labels = ["negation", "past", "subordinate"]
primary_score = "f1_micro"
text = "text"
label = "labels"
[[local]]
split_column = "split"
[local.splits]
train = { file = "clauses.jsonl", value = "train" }
dev = { file = "clauses.jsonl", value = "dev" }
"""


def write_task(folder: Path, rows: Iterable[dict[str, object]]) -> Path:
    """Write the rows and the task file of them beside each other; the latter's path."""
    write_rows(rows, folder / "clauses.jsonl")
    place = folder / "clauses.toml"
    place.write_text(TASK, encoding="utf-8")
    return place


_SUBJECTS = ("the dog", "a child", "our neighbour", "the old man", "she", "my friend")
_VERBS = (("sees", "saw"), ("likes", "liked"), ("eats", "ate"), ("finds", "found"))
_OBJECTS = ("the cat", "an apple", "a letter", "the ball", "some bread")


def tiny_rows() -> Iterator[dict[str, object]]:
    """240 made sentences whose labels follow from their words; every set of labels occurs."""
    place = 0
    for subject in _SUBJECTS:
        for now, then in _VERBS:
            for thing in _OBJECTS:
                for past in (False, True):
                    negation, subordinate = place % 3 == 0, place % 4 < 2
                    words = [
                        subject,
                        *(["never"] if negation else []),
                        then if past else now,
                        thing,
                    ]
                    words += ["because it rains"] if subordinate else []
                    held = zip(LABELS, (negation, past, subordinate), strict=True)
                    split = "dev" if place % 5 == 0 else "train"
                    yield {"text": " ".join(words), "labels": [n for n, there in held if there],
                           "split": split}  # fmt: skip
                    place += 1
