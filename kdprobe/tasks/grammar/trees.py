"""Derivation trees of the embedded grammar and the sentences read off them.

Does: hold a constituency tree with its features, spell it, bracket it, measure it. Does not: build
any tree; `grammar_phrases.py` and the phenomena do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_FEATURES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tree:
    """A constituent: a word under its part of speech, or a category over its parts.

    Args:
        label: Penn Treebank category (`S`, `NP`, `VP`, `SBAR`) or part of speech (`DT`, `VBZ`).
        children: the parts in order; empty for a word.
        word: the word; empty for a constituent with parts.
        features: what the derivation decided: `role` (`subject`, `object`, `modifier`) and
            `number` (`singular`, `plural`) of a noun phrase; `tense` (`present`, `past`,
            `future`, `perfect`), `subject` and `object` (their numbers, `none` without) of a
            clause; `clauses` (`1`, `2`) and `joined` (`none`, `coordination`,
            `subordination`) of a whole sentence, beside those of its main (first) clause.

    >>> boy = Tree("NP", (Tree("DT", word="The"), Tree("NN", word="boy")))
    >>> Tree("S", (boy, Tree("VP", (Tree("VBZ", word="sleeps"),)))).bracketed()
    '(S (NP (DT The) (NN boy)) (VP (VBZ sleeps)))'
    """

    label: str
    children: tuple[Tree, ...] = ()
    word: str = ""
    features: Mapping[str, str] = field(default_factory=lambda: NO_FEATURES)

    def leaves(self) -> Iterator[Tree]:
        """Yield the words' nodes from left to right."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def words(self) -> tuple[str, ...]:
        """Return the words from left to right."""
        return tuple(leaf.word for leaf in self.leaves())

    def bracketed(self) -> str:
        """Write the tree as the Penn Treebank does, on one line, without the features."""
        if not self.children:
            return f"({self.label} {self.word})"
        return f"({self.label} {' '.join(child.bracketed() for child in self.children)})"

    def depth(self) -> int:
        """Count the nodes on the longest way from here to a part of speech, both included.

        >>> Tree("NP", (Tree("DT", word="a"), Tree("NN", word="boy"))).depth()
        2
        """
        return 1 + max((child.depth() for child in self.children), default=0)

    def top_constituents(self) -> tuple[str, ...]:
        """Return the labels of the parts directly below this node."""
        return tuple(child.label for child in self.children)

    def capitalised(self) -> Tree:
        """Return the tree with the first letter of its first word in upper case."""
        if not self.children:
            word = self.word[:1].upper() + self.word[1:]
            return Tree(self.label, word=word, features=self.features)
        first, *others = self.children
        return Tree(self.label, (first.capitalised(), *others), features=self.features)


@dataclass(frozen=True, slots=True)
class Derivation:
    """One sentence of the embedded grammar, acceptable or damaged.

    Args:
        words: its words; joined with blanks they are the text. The final mark is a word.
        tree: the derivation. Its leaves spell `source_words`, so those of an acceptable sentence
            spell the sentence; a damaged one has the tree it was damaged from.
        acceptable: whether it is English.
        phenomenon: what was damaged, or what the construction of an acceptable one tests.
        damaged_word: index into `words` of the word that cannot stand there; None if acceptable.
        frame: subject, verb and object of each clause, main clause first: `boy-repair-lamp`,
            several joined by `+`, `none` where a place is empty.
        source_words: the words of the acceptable sentence behind it.
    """

    words: tuple[str, ...]
    tree: Tree
    acceptable: bool
    phenomenon: str
    damaged_word: int | None
    frame: str
    source_words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words joined with blanks: `text.split()` gives them back."""
        return " ".join(self.words)
