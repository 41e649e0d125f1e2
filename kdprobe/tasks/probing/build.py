"""Probing sets from the embedded grammar or from a treebank.

Does: gather facts, split them into three parts, run the recipes, and find a task's sentences
wherever they are (file first, grammar last). Does not: know how a recipe works.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kdprobe.config.probing import PROBING, OptionNames, ProbingTask
from kdprobe.errors import TaskError
from kdprobe.seeds import derive_generator, derive_seed
from kdprobe.tasks.grammar.facts import coordinations, facts_of_derivation
from kdprobe.tasks.grammar.generation import derivations
from kdprobe.tasks.grammar.orders import reordered
from kdprobe.tasks.probing.balance import LENGTH_BINS, Build
from kdprobe.tasks.probing.dependency_facts import facts_of_dependencies
from kdprobe.tasks.probing.facts import Facts, facts_of_tree
from kdprobe.tasks.probing.recipes import RECIPES
from kdprobe.tasks.probing.sets import PARTS, ProbingSet, make_set, read_senteval
from kdprobe.tasks.probing.treebank import read_conllu, read_mrg

GRAMMAR_BINS = ((4, 5), (6, 7), (8, 9), (10, 11), (12, 14), (15, 40))
"""The grammar's sentences are shorter than the published bins."""

_GRAMMAR_PARTS = {"tr": "train", "va": "dev", "te": "test"}
DATA_VARIABLE = "KDPROBE_DATA"


@dataclass(frozen=True)
class Corpus:
    """Facts in three parts, and where they come from."""

    parts: Mapping[str, Sequence[Facts]]
    origin: str
    length_bins: tuple[tuple[int, int], ...] = LENGTH_BINS


def grammar_corpus(sentences: int, *, seed: int = 0) -> Corpus:
    """Derive so many training sentences from the embedded grammar, and half as many dev and test.

    Every other sentence stands in another order of its words where it has one, and one in six is a
    coordination made to be exchanged. The parts share no lexical frame (subject, verb, object).
    """
    parts = {}
    for part, name in _GRAMMAR_PARTS.items():
        wanted = sentences if part == "tr" else max(sentences // 2, 1)
        rng = random.Random(derive_seed(seed, "grammar", "orders", part))
        facts = {}
        for row in derivations(name, size=2 * wanted, seed=seed + 1):
            if row.acceptable:
                tree = reordered(row.tree, rng) if rng.random() < 0.5 else row.tree
                one = facts_of_derivation(replace(row, tree=tree))
                facts[one.text] = one
        parts[part] = [*facts.values(), *coordinations(name, size=max(wanted // 5, 2), seed=seed)]
    return Corpus(parts, f"embedded grammar, seed {seed}", GRAMMAR_BINS)


def treebank_corpus(paths: Sequence[Path], *, seed: int = 0) -> Corpus:
    """Read a treebank: each different sentence falls into one part by its hash, 80/10/10.

    Raises:
        TaskError: no file, an unknown ending, a file that cannot be read, or no tree at all.
    """
    files = _treebank_files(paths)
    parts: dict[str, list[Facts]] = {part: [] for part in PARTS}
    texts: set[str] = set()
    for facts in (one for file in files for one in _facts_of(file)):
        text = facts.text
        if text in texts or len(facts.words) < 3:
            continue
        texts.add(text)
        share = derive_seed(seed, "probing part", text) % 10
        parts["tr" if share < 8 else "va" if share == 8 else "te"].append(facts)
    if not texts:
        raise TaskError(str(paths[0]), found="holds no tree", expected="a treebank")
    return Corpus(parts, "treebank " + ", ".join(file.name for file in files[:3]))


def _treebank_files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        inside = (
            sorted(f for f in path.rglob("*") if f.suffix in (".mrg", ".conllu"))
            if path.is_dir()
            else [path]
        )
        if not inside or not inside[0].is_file() or inside[0].suffix not in (".mrg", ".conllu"):
            raise TaskError(
                str(path),
                found="no such file" if not path.exists() else "is no treebank",
                expected="a .mrg or .conllu file, or a folder that holds some",
            )
        files += inside
    return files


def _facts_of(file: Path) -> Iterable[Facts]:
    if file.suffix == ".mrg":
        return (facts_of_tree(tree) for tree in read_mrg(file))
    return (facts_of_dependencies(sentence) for sentence in read_conllu(file))


def build_set(
    task: ProbingTask, corpus: Corpus, *, sizes: Mapping[str, int], seed: int = 0
) -> ProbingSet | None:
    """Build one task's set, or give None where the corpus does not support it.

    Args:
        task: names the recipe.
        corpus: facts in three parts.
        sizes: rows wanted at most of `tr`, `va` and `te`.
        seed: of the choices; each task has its own generator.

    Raises:
        TaskError: the task has no recipe.
    """
    if task.recipe not in RECIPES:
        raise TaskError(
            f"probing task {task.name}",
            found=f"recipe {task.recipe!r}" if task.recipe else "has no recipe",
            expected="one of " + ", ".join(RECIPES),
            remedy="give its sentences as a file",
        )
    generator = derive_generator(seed, "probing set", task.name)
    by_part = RECIPES[task.recipe](Build(corpus.parts, sizes, generator, corpus.length_bins, seed))
    if any(len({label for label, _ in by_part.get(part, ())}) < 2 for part in PARTS):
        return None
    return make_set(task.name, by_part, origin=corpus.origin)


def reason_missing(task: ProbingTask, corpus: Corpus) -> str:
    """Return why `build_set` made nothing of a task."""
    facts = [one for part in corpus.parts.values() for one in part]
    if task.recipe in ("depth", "top") and all(one.depth is None for one in facts):
        return "asks for constituents, and dependencies have none"
    if task.recipe == "inversion" and not any(one.inverted for one in facts):
        return "no sentence is two coordinate clauses"
    return "the trees do not give two classes in every part"


def even_sizes(sentences: int) -> dict[str, int]:
    """So many training rows, and half as many of dev and test."""
    return {"tr": sentences, "va": max(sentences // 2, 2), "te": max(sentences // 2, 2)}


def find_file(
    task: ProbingTask, *, probing_dir: Path | None, named: OptionNames = PROBING
) -> Path | None:
    """Find the file of a task: `probing_dir`, beside its own TOML, `$KDPROBE_DATA/senteval`.

    Raises:
        TaskError: `probing_dir` is no folder, or neither it nor the TOML's folder holds the file.
    """
    beside = None if task.base is None else task.base / task.file
    if probing_dir is not None:
        if not probing_dir.is_dir():
            raise TaskError(
                f"`{named.folder}={probing_dir}`", found="no such folder",
                expected="a folder of SentEval's probing files",
            )  # fmt: skip
        path = probing_dir / task.file
        if not path.is_file() and beside is not None and beside.is_file():
            return beside
        if not path.is_file():
            raise TaskError(
                f"`{named.folder}={probing_dir}`",
                found=f"holds no {task.file}",
                expected=f"the file of the probing task {task.name}",
                remedy=f"leave the task out of `{named.tasks}`, or build it: kdprobe probes build",
            )
        return path
    places = [] if beside is None else [beside]
    data = os.environ.get(DATA_VARIABLE, "")
    if data:
        root = Path(data)
        places += [
            root / "senteval" / task.file, root / "senteval" / "probing" / task.file
        ]  # fmt: skip
    return next((place for place in places if place.is_file()), None)


class ProbingSource:
    """Finds every task's sentences; the grammar is derived once, when it is first needed."""

    def __init__(
        self, *, sentences: int, probing_dir: Path | None, seed: int, named: OptionNames = PROBING
    ) -> None:
        self.sentences, self.probing_dir, self.seed = sentences, probing_dir, seed
        self._named = named
        self._corpus: Corpus | None = None

    def load(self, task: ProbingTask) -> ProbingSet:
        """Read or build a task's set.

        Raises:
            TaskError: the file is malformed, or there is neither a file nor a recipe.
        """
        path = find_file(task, probing_dir=self.probing_dir, named=self._named)
        if path is not None:
            return read_senteval(path, task.name)
        if self._corpus is None:
            # Some tasks can use one derived sentence in five only.
            self._corpus = grammar_corpus(5 * max(self.sentences, 400), seed=self.seed)
        built = build_set(task, self._corpus, sizes=even_sizes(self.sentences), seed=self.seed)
        if built is None:
            raise TaskError(
                f"probing task {task.name}",
                found=f"{self.sentences} sentences are too few to build it",
                expected="more sentences",
                remedy=f"raise `{self._named.sentences}`",
            )
        return built


def overlap(one: ProbingSet) -> int:
    """Count test sentences that also stand in the training part."""
    train = set(one.train.sentences)
    return int(np.sum([sentence in train for sentence in one.test.sentences]))
