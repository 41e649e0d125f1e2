"""Dependency sentences: what two coordinate clauses are, and what they are not."""

from pathlib import Path

import pytest

from kdprobe.config.probing import open_probing_tasks
from kdprobe.tasks.probing.build import (
    build_set,
    even_sizes,
    grammar_corpus,
    reason_missing,
    treebank_corpus,
)
from kdprobe.tasks.probing.dependency_facts import facts_of_dependencies
from kdprobe.tasks.probing.treebank import UdWord

TWO = "Anna:PROPN:2:nsubj ran:VERB:0:root ,:PUNCT:6:punct and:CCONJ:6:cc he:PRON:6:nsubj "
TWO += "slept:VERB:2:conj here:ADV:6:advmod .:PUNCT:2:punct"


def sentence(text: str) -> list[UdWord]:
    rows = [word.split(":") for word in text.split()]
    features = {"Tense": "Past", "VerbForm": "Fin"}
    return [
        UdWord(form, form, upos, features if upos == "VERB" else {}, int(head), relation)
        for form, upos, head, relation in rows
    ]


def test_two_clauses_are_exchanged_by_hand():
    """Guards against a capital or a conjunction that tells the exchange, or a lost word."""
    facts = facts_of_dependencies(sentence(TWO))
    assert facts.coordinate == facts.words
    assert " ".join(facts.inverted or ()) == "He slept here , and Anna ran ."
    lower = facts_of_dependencies(sentence(TWO.replace("Anna:PROPN", "She:PRON")))
    assert " ".join(lower.inverted or ()) == "He slept here , and she ran ."
    assert (facts.depth, facts.top, facts.tense) == (None, None, ("PAST", "ran"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("he:PRON:6:nsubj", "then:ADV:6:advmod"),  # the second verb shares the first's subject
        ("and:CCONJ:6:cc", "yet:ADV:6:advmod"),  # no conjunction
        ("here:ADV:6:advmod .", "here:ADV:2:advmod ."),  # the first clause goes on behind
        ("slept:VERB:2:conj", "slept:VERB:2:advcl"),  # not coordinate
        ("Anna:PROPN:2:nsubj", "Anna:PROPN:6:obj"),  # one clause inside the other
        (",:PUNCT:6:punct", '":PUNCT:6:punct'),  # a quotation
        ("here:ADV:6:advmod", "sang:VERB:2:conj"),  # three
    ],
)
def test_other_sentences_are_not_exchanged(old: str, new: str):
    """Guards against an exchange that gives word salad under the label of a sentence."""
    assert old in TWO
    assert facts_of_dependencies(sentence(TWO.replace(old, new))).inverted is None


def test_eight_of_ten_tasks_come_from_dependencies(tmp_path: Path):
    """Guards against a list in the help that is not what happens, and a reason that is wrong."""
    rows = [
        _as_conllu(facts.words, facts.tense, facts.subject, facts.object)
        for part in grammar_corpus(300, seed=3).parts.values()
        for facts in part
    ]
    names = [f"{a}{b}o" for a in "bdfgkl" for b in "aeiou"]
    for first in names:
        rows += [
            f"1\t{first.title()}\t_\tPROPN\t_\t_\t2\tnsubj\t_\t_\n"
            "2\tran\t_\tVERB\t_\tTense=Past|VerbForm=Fin\t0\troot\t_\t_\n"
            "3\tand\t_\tCCONJ\t_\t_\t5\tcc\t_\t_\n4\the\t_\tPRON\t_\t_\t5\tnsubj\t_\t_\n"
            f"5\tslept\t_\tVERB\t_\tTense=Past|VerbForm=Fin\t2\tconj\t_\t_\n"
            f"6\t{second}\t_\tADV\t_\t_\t5\tadvmod\t_\t_\n"
            for second in names[:4]
        ]
    path = tmp_path / "t.conllu"
    path.write_text("\n".join(rows), encoding="utf-8")
    corpus = treebank_corpus([path])
    missing = {
        task.name: reason_missing(task, corpus)
        for task in open_probing_tasks(("all",))
        if build_set(task, corpus, sizes=even_sizes(200)) is None
    }
    reason = "asks for constituents, and dependencies have none"
    assert missing == {"tree_depth": reason, "top_constituents": reason}
    few = tmp_path / "few.conllu"
    few.write_text(rows[0], encoding="utf-8")
    task = open_probing_tasks(("coordination_inversion", "past_present"))
    lone = treebank_corpus([few])
    assert reason_missing(task[0], lone) == "no sentence is two coordinate clauses"
    assert reason_missing(task[1], lone) == "the trees do not give two classes in every part"


def _as_conllu(words, tense, subject, patient) -> str:
    """Write a flat analysis of a derived sentence: a root and what the tasks read."""
    root = 2
    told = {"PAST": "Past", "PRES": "Pres"}.get(tense.label if tense else "", "")
    lines = []
    marks = {mark.form: (mark.label, name) for mark, name in
             ((patient, "obj"), (subject, "nsubj")) if mark is not None}  # fmt: skip
    for at, word in enumerate(words, 1):
        upos, features, relation = "X", "_", "dep"
        if at == root:
            upos, relation = "VERB", "root"
            features = f"Tense={told}|VerbForm=Fin" if told else "VerbForm=Fin"
        elif word in marks:
            label, relation = marks.pop(word)
            upos, features = "NOUN", f"Number={'Plur' if label == 'NNS' else 'Sing'}"
        head = 0 if at == root else root
        lines.append(f"{at}\t{word}\t_\t{upos}\t_\t{features}\t{head}\t{relation}\t_\t_")
    return "\n".join(lines) + "\n"
