"""Tests of the parts of speech."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from kdprobe.augmenters.taggers import Tagger, english_tagger, treebank_tagger
from kdprobe.errors import ConfigError, MissingExtraError
from kdprobe.tasks.probing.treebank import read_mrg

LEXICON = {
    "dog": "NN", "Dog": "NNP", "walked": "VBD", "talked": "VBD", "red": "JJ", "the": "DT",
    ".": ".", "quickly": "RB",
}  # fmt: skip


def test_by_hand() -> None:
    """Guards each step of the tagger: as written, lower case, digits, names, endings, marks."""
    tagger = Tagger(LEXICON, "CD", "NNP", "", "")
    words = ["The", "Dog", "DOG", "baked", "Xu", "1,999", "slowly", "?", "zzz"]
    # "baked" and "slowly" by "-ked", "-wly" -> "-ly"; "zzz" shares no ending: the commonest tag of
    # the lexicon's words; "Dog" is held as written; "DOG" in lower case.
    assert tagger.tag(words) == ("DT", "NNP", "NN", "VBD", "NNP", "CD", "RB", "?", "VBD")
    # At the beginning of a text the small letter's tag comes first: every word is large there.
    assert tagger.tag(["Dog"]) == ("NN",)
    assert tagger.tag([]) == ()


def test_treebanks(tmp_path: Path) -> None:
    """Guards a word tagged by its rarer tag, and a treebank's folder read in part."""
    mrg = tmp_path / "bank.mrg"
    mrg.write_text("(S (NN run) (VB run)) (S (VB run) (NNP Xu))")
    tagger = treebank_tagger(mrg)
    assert tagger.lexicon == {"run": "VB", "Xu": "NNP"}
    assert (tagger.numbers, tagger.names, tagger.origin) == ("CD", "NNP", "bank.mrg, 2 words")
    folder = tmp_path / "ud"
    folder.mkdir()
    for name, form in (("a", "dogs"), ("b", "cats")):
        row = ["1", form, form[:-1], "NOUN", "_", "_", "0", "root", "_", "_"]
        (folder / f"{name}.conllu").write_text("\t".join(row) + "\n\n")
    tagger = treebank_tagger(folder)
    assert tagger.lexicon == {"dogs": "NOUN", "cats": "NOUN"}
    assert tagger.numbers == "NUM"
    assert tagger.identity != treebank_tagger(folder / "a.conllu").identity


def test_treebanks_that_are_none(tmp_path: Path) -> None:
    """Guards a run on a lexicon that holds nothing."""
    text = tmp_path / "x.txt"
    text.write_text("a")
    empty = tmp_path / "x.mrg"
    empty.write_text("")
    for place, found in (
        (tmp_path / "no.mrg", "no such file"),
        (text, "holds no treebank"),
    ):
        with pytest.raises(ConfigError) as caught:
            treebank_tagger(place)
        assert str(caught.value) == (
            f"`pos_from={place}`: {found}, expected a .mrg or .conllu file, or a folder of files "
            "of one kind"
        )
    with pytest.raises(ConfigError) as caught:
        treebank_tagger(empty)
    assert str(caught.value) == f"`pos_from={empty}`: holds no word, expected tagged sentences"


def test_without_textblob(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a traceback where a package is missing."""

    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(MissingExtraError) as caught:
        english_tagger()
    assert str(caught.value) == (
        "`method=rules`: the lexicon of parts of speech is missing (package textblob); pip install "
        "textblob, or name a treebank with `pos_from`"
    )


def test_english() -> None:
    """Guards a lexicon file that changed its format: every word would be tagged by its ending."""
    tagger = english_tagger()
    assert len(tagger.lexicon) > 90_000
    words = ["The", "dog", "quickly", "ate", "3", "times", ",", "and", "Xanadu", "laughed", "."]
    assert tagger.tag(words) == (
        "DT", "NN", "RB", "VBD", "CD", "NNS", ",", "CC", "NNP", "VBD", "."
    )  # fmt: skip


def test_against_a_treebank(real_data: Path) -> None:
    """Guards a tagger that is worse than its kind: about 93 words of 100 by their commonest tag."""
    tagger = english_tagger()
    right = total = 0
    for tree in list(read_mrg(real_data / "treebank" / "ptb_sample.mrg"))[:600]:
        leaves = list(tree.leaves())
        found = tagger.tag([leaf.word for leaf in leaves])
        total += len(leaves)
        right += sum(tag == leaf.label for tag, leaf in zip(found, leaves, strict=True))
    assert right / total > 0.92
