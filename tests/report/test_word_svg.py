"""Coloured words as a drawing of their own: parsed as XML, never by eye alone."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.report.highlights import Line, marks
from kdprobe.report.snippet import snippet
from kdprobe.report.word_svg import WIDTH, words_svg
from tests.report.documents import ATTACKS

SVG = "{http://www.w3.org/2000/svg}"


def drawing(words: tuple[str, ...], *scores: tuple[float | None, ...]) -> ElementTree.Element:
    lines = [Line("lime", f"m{i}", marks(words, row)) for i, row in enumerate(scores)]
    return ElementTree.fromstring(words_svg("good: probability .9", lines))


def test_every_word_has_its_tint_score_and_place():
    """A score under another word, or a tint of the wrong sign, misleads in print for ever."""
    root = drawing(("a", "bad", "word"), (1.0, -0.5, None), (0.2, 0.0, 2.0))
    tints = [node.get("class") for node in root.iter(f"{SVG}rect")]
    assert tints == ["paper", "t5", "a3", "t1", "t5"]
    groups = [["".join(t.itertext()) for t in g.iter(f"{SVG}text")] for g in root.iter(f"{SVG}g")]
    assert groups[:3] == [["a", "1.00"], ["bad", "−0.50"], ["word", "–"]]
    places = [next(t.get("x") for t in g.iter(f"{SVG}text")) for g in root.iter(f"{SVG}g")]
    assert places[:3] == places[3:]
    assert "".join(root.find(f"{SVG}desc").itertext()) == (  # type: ignore[union-attr]
        "lime of m0: strongest word a (1.00). lime of m1: strongest word word (2.00)."
    )
    styles = [node.get("class") for node in root.iter(f"{SVG}line")]
    assert styles == ["toward", "against", "toward", "toward"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_words_stay_words(attack: str):
    """An SVG is opened by browsers: a script in a word would run."""
    root = drawing((attack, "x"), (1.0, 2.0))
    names = {node.tag.removeprefix(SVG) for node in root.iter()}
    assert names <= {"svg", "title", "desc", "style", "rect", "text", "line", "g"}
    assert not {key for node in root.iter() for key in node.attrib if key.startswith("on")}


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=60))
def test_any_words_are_drawn_once_a_line_and_inside(words: list[str]):
    """Long texts must wrap, not run out of the picture."""
    root = drawing(tuple(words), tuple(float(i) for i in range(len(words))))
    assert sum(1 for _ in root.iter(f"{SVG}g")) == len(words)
    width = float(root.get("width") or 0)
    assert width >= WIDTH
    for box in list(root.iter(f"{SVG}rect"))[1:]:
        assert float(box.get("x") or 0) + float(box.get("width") or 0) <= width


def test_it_carries_its_own_colours_for_light_and_dark():
    """An SVG that leans on the page's style sheet is black on black in a mail."""
    text = words_svg("x", [Line("lime", "m", marks(("a", "b"), (1.0, -1.0)))])
    assert "prefers-color-scheme: dark" in text
    assert "style=" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_what_must_be_known_of_scores_stands_beside_the_model():
    """Sampled scores in a slide that pass for exact ones claim too much."""
    line = Line("lime", "m", marks(("a", "b"), (1.0, -1.0)), "sampled, sum off by 30%")
    told = "m (sampled, sum off by 30%)"
    root = ElementTree.fromstring(words_svg("x", [line]))
    assert told in ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert f'<span class="small">{told}</span>' in snippet("x", [line])
