"""Probing sets built from trees: labels, disjoint forms, nothing in two forms."""

from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from kdprobe.config.probing import ProbingTask, open_probing_task, probing_task_names
from kdprobe.errors import TaskError
from kdprobe.tasks.probing.build import (
    Corpus,
    ProbingSource,
    build_set,
    even_sizes,
    find_file,
    grammar_corpus,
    overlap,
    treebank_corpus,
)
from kdprobe.tasks.probing.dependency_facts import facts_of_dependencies
from kdprobe.tasks.probing.facts import facts_of_tree
from kdprobe.tasks.probing.sets import ProbingSet
from kdprobe.tasks.probing.treebank import read_conllu, read_mrg

MRG = """
( (S (NP-SBJ-1 (DT The) (NNS cats) ) (VP (VBD chased) (NP (DT a) (NN dog) )) (. .) ))
( (S (S (NP-SBJ (PRP I) ) (VP (VBD ran) )) (CC and)
     (S (NP-SBJ (DT the) (NN dog) ) (VP (VBD slept) (-NONE- *T*-1) )) (. .) ))
"""
UD = """# text = Cats sleep
1\tCats\tcat\tNOUN\t_\tNumber=Plur\t2\tnsubj\t_\t_
2\tsleep\tsleep\tVERB\t_\tTense=Pres|VerbForm=Fin\t0\troot\t_\t_
2-3\tdont\t_\t_\t_\t_\t_\t_\t_\t_
"""


@cache
def corpus() -> Corpus:
    return grammar_corpus(1500, seed=0)


@cache
def built(name: str) -> ProbingSet:
    made = build_set(open_probing_task(name), corpus(), sizes=even_sizes(200))
    assert made is not None
    return made


def test_facts_of_penn_trees(tmp_path: Path):
    """Guards against function tags, traces or a lower clause that decide a label."""
    path = tmp_path / "t.mrg"
    path.write_text(MRG)
    first, second = (facts_of_tree(tree) for tree in read_mrg(path))
    assert first.text == "The cats chased a dog ."
    assert (first.top, first.depth) == ("NP_VP_.", 4)
    assert (first.tense, first.subject, first.object) == (
        ("PAST", "chased"),
        ("NNS", "cats"),
        ("NN", "dog"),
    )
    assert second.inverted == ("The", "dog", "slept", "and", "I", "ran", ".")
    assert second.tense is None


def test_facts_of_dependencies(tmp_path: Path):
    """Guards against ranges read as words, and against labels the scheme does not support."""
    path = tmp_path / "t.conllu"
    path.write_text(UD)
    facts = facts_of_dependencies(next(read_conllu(path)))
    assert facts.words == ("Cats", "sleep")
    assert facts.tense == ("PRES", "sleep")
    assert facts.subject == ("NNS", "cats")
    assert facts.depth is None


@pytest.mark.parametrize("name", probing_task_names())
def test_every_task_comes_from_the_grammar(name: str):
    """Guards against a task with one class, and a test sentence that was trained on."""
    made = built(name)
    assert len(made.labels) >= 2
    assert all(len(part) >= 20 for part in made.parts)
    assert overlap(made) == 0


@pytest.mark.parametrize("name", ["bigram_shift", "odd_man_out", "subj_number", "past_present"])
def test_two_classes_are_balanced(name: str):
    """Guards against a majority class that makes a blind probe look good."""
    for part in built(name).parts:
        counts = Counter(part.labels.tolist())
        assert counts[0] == counts[1]


def test_forms_are_disjoint_across_parts():
    """Guards against a tense probe that only remembers verbs."""
    facts = {f.text: f for part in corpus().parts.values() for f in part}
    seen = [
        {mark.form for s in part.sentences if (mark := facts[s].tense) is not None}
        for part in built("past_present").parts
    ]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


def test_depth_tells_nothing_of_length():
    """Guards against a depth probe that counts words: all depths have about equal lengths."""
    made = built("tree_depth")
    lengths = defaultdict(list)
    for label, sentence in zip(made.train.labels.tolist(), made.train.sentences, strict=True):
        lengths[label].append(len(sentence.split()))
    means = [sum(held) / len(held) for held in lengths.values()]
    assert max(means) - min(means) < 1.5


def test_a_shifted_sentence_differs_by_two_neighbours():
    """Guards against a label I on an unchanged sentence."""
    originals = {" ".join(sorted(f.words)): f.words for f in corpus().parts["tr"]}
    made = built("bigram_shift")
    shifted = made.labels.index("I")
    for label, sentence in zip(made.train.labels.tolist(), made.train.sentences, strict=True):
        words = tuple(sentence.split())
        known = originals.get(" ".join(sorted(words)))
        if label == shifted and known is not None and known != words:
            differ = [k for k in range(len(words)) if words[k] != known[k]]
            assert len(words) == len(known)
            assert differ or words == known
    assert Counter(made.train.labels.tolist())[shifted] == 100


def test_wrong_treebanks_are_refused(tmp_path: Path):
    """Guards against a half-read treebank, and against sets of nothing."""

    def told(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(TaskError) as error:
            treebank_corpus([path])
        return str(error.value)

    assert "t.mrg:2: the file ends inside a bracket" in told("t.mrg", "\n((S (NP (NN x)))")
    assert "'x' outside any bracket" in told("t.mrg", "x")
    assert "holds both words and constituents" in told("t.mrg", "(S (NN x) y)")
    assert "holds no tree, expected a treebank" in told("t.mrg", "")
    assert "t.conllu:1: 2 tab-separated fields, expected ten" in told("t.conllu", "1\tx\n")
    wrong = UD.replace("\t2\tnsubj", "\tx\tnsubj")
    assert "the head is 'x', expected a number" in told("t.conllu", wrong)
    beyond = UD.replace("\t2\tnsubj", "\t7\tnsubj")
    assert "the head of word 1 ('Cats') is 7, expected 0 to 2, the words" in told(
        "t.conllu", beyond
    )
    circle = UD.replace("\t0\troot", "\t1\troot")
    assert told("t.conllu", circle) == (
        "t.conllu:3: the heads above word 1 ('Cats') run in a circle, expected heads that end at "
        "the root, 0"
    )
    joined = UD + UD
    assert "word 1 follows word 2, expected words counted from 1, and an" in told(
        "t.conllu", joined
    )
    with pytest.raises(TaskError, match=r"no such file, expected a \.mrg or \.conllu file"):
        treebank_corpus([tmp_path / "none.mrg"])
    (tmp_path / "u.mrg").write_bytes(b"(\xe9")
    with pytest.raises(TaskError, match="is not UTF-8"):
        treebank_corpus([tmp_path / "u.mrg"])


def test_files_come_before_the_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a folder that was named and silently not used."""
    task = open_probing_task("bigram_shift")
    monkeypatch.delenv("KDPROBE_DATA", raising=False)
    assert find_file(task, probing_dir=None) is None
    with pytest.raises(TaskError, match=r"holds no bigram_shift\.txt, expected the file of"):
        find_file(task, probing_dir=tmp_path)
    with pytest.raises(TaskError, match="no such folder, expected a folder of SentEval"):
        find_file(task, probing_dir=tmp_path / "none")
    (tmp_path / task.file).write_text("tr\tA\ta\ntr\tB\tb\nva\tA\tc\nte\tB\td\n")
    source = ProbingSource(sentences=20, probing_dir=tmp_path, seed=0)
    assert source.load(task).origin == "file bigram_shift.txt"
    bare = ProbingTask(name="mine", group="other", description="?", file="mine.txt")
    with pytest.raises(TaskError, match="has no recipe, expected one of length"):
        build_set(bare, corpus(), sizes=even_sizes(20))
