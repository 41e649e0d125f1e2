"""Minimal pairs: two sentences that differ in one thing, the first acceptable and the second not.

Does: read BLiMP's files, or any in their format; adapt the embedded grammar's pairs to the same
type. Does not: judge them; that takes models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdprobe.errors import TaskError
from kdprobe.seeds import derive_generator
from kdprobe.tasks.packed import stem
from kdprobe.tasks.readers import parse_json_line, read_lines


@dataclass(frozen=True)
class PairTexts:
    """Minimal pairs, parallel tuples `[n]`.

    Args:
        ids: unique: the phenomenon and the row.
        phenomena: what the pair is about (BLiMP's `UID`).
        fields: the field of linguistics (`syntax`, `syntax-semantics`); empty when the file does
            not say.
        good: the acceptable sentences.
        bad: the unacceptable ones.
        origin: where they come from, for people.
    """

    ids: tuple[str, ...]
    phenomena: tuple[str, ...]
    fields: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    origin: str

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.ids)


@dataclass(frozen=True)
class _Pair:
    id: str
    phenomenon: str
    field: str
    good: str
    bad: str


def read_minimal_pairs(
    folder: Path, *, limit_per_phenomenon: int | None = None, seed: int = 0
) -> PairTexts:
    """Read the minimal pairs of a folder of .jsonl files (or of one such file).

    Each line is an object with `sentence_good` and `sentence_bad`; `UID` names the phenomenon
    (default: the file's name) and `field` its field of linguistics.

    Args:
        folder: BLiMP's folder (its `data/` is found too), or one .jsonl file.
        limit_per_phenomenon: a random sample of so many pairs of each phenomenon (uniform, by
            `seed`), in the files' order; None: all.
        seed: the run's seed.

    Raises:
        TaskError: no such folder, no pair in it, or a malformed line (with file and line).
    """
    _check_size(limit_per_phenomenon)
    pairs = [pair for path in _files(folder) for pair in _read(path)]
    if not pairs:
        raise TaskError(
            f"`minimal_pairs={folder}`", found="holds no pair", expected="one on each line"
        )
    if limit_per_phenomenon is not None:
        pairs = _sample(pairs, limit_per_phenomenon, seed)
    return PairTexts(
        ids=tuple(pair.id for pair in pairs),
        phenomena=tuple(pair.phenomenon for pair in pairs),
        fields=tuple(pair.field for pair in pairs),
        good=tuple(pair.good for pair in pairs),
        bad=tuple(pair.bad for pair in pairs),
        origin=folder.absolute().name,
    )


def grammar_pairs(*, size_per_phenomenon: int, seed: int = 0) -> PairTexts:
    """Generate the minimal pairs of the embedded grammar, on frames its training split never has.

    Args:
        size_per_phenomenon: how many of each phenomenon, 1 or more.
        seed: the run's seed.

    Raises:
        TaskError: the size is below 1.
    """
    from kdprobe.tasks.grammar.generation import minimal_pairs

    _check_size(size_per_phenomenon)
    generated = minimal_pairs(size_per_phenomenon=size_per_phenomenon, seed=seed)
    return PairTexts(
        ids=generated.ids,
        phenomena=generated.phenomena,
        fields=generated.fields,
        good=generated.good,
        bad=generated.bad,
        origin=f"embedded grammar, seed {seed}",
    )


def _check_size(size: int | None) -> None:
    if size is not None and size < 1:
        raise TaskError("`pairs_per_phenomenon`", found=str(size), expected="1 or more")


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    for place in (folder, folder / "data"):
        files = sorted((*place.glob("*.jsonl"), *place.glob("*.jsonl.gz")))
        if files:
            return files
    raise TaskError(
        f"`minimal_pairs={folder}`",
        found="no .jsonl file in it" if folder.is_dir() else "no such folder",
        expected="a folder of .jsonl files in BLiMP's format",
        remedy="get BLiMP from https://github.com/alexwarstadt/blimp and name its data folder",
    )


def _read(path: Path) -> list[_Pair]:
    pairs = []
    for line, text in enumerate(read_lines(path), 1):
        if not text.strip():
            continue
        record = parse_json_line(path, line, text)
        sentences = []
        for key in ("sentence_good", "sentence_bad"):
            sentence = record.get(key)
            if not isinstance(sentence, str) or not sentence.strip():
                raise TaskError(
                    f"{path}:{line}",
                    found=f"{key} is {sentence!r:.40}" if key in record else f"no {key!r}",
                    expected="a sentence",
                    remedy="correct the line",
                )
            sentences.append(sentence)
        pairs.append(
            _Pair(
                id=f"{stem(path)}-{line:05d}",
                phenomenon=str(record.get("UID", stem(path))),
                # BLiMP spells one field in two ways: syntax_semantics and syntax/semantics.
                field=str(record.get("field", "")).replace("_", "-").replace("/", "-"),
                good=sentences[0],
                bad=sentences[1],
            )
        )
    return pairs


def _sample(pairs: list[_Pair], size: int, seed: int) -> list[_Pair]:
    rows_of: dict[str, list[int]] = {}
    for row, pair in enumerate(pairs):
        rows_of.setdefault(pair.phenomenon, []).append(row)
    kept: list[int] = []
    for phenomenon, rows in rows_of.items():
        if len(rows) > size:
            generator = derive_generator(seed, "minimal pairs", phenomenon)
            rows = np.array(rows)[generator.choice(len(rows), size=size, replace=False)].tolist()
        kept += rows
    return [pairs[row] for row in sorted(kept)]
