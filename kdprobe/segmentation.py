"""Where the words of a text begin and end, in every script.

Does: cut by the default word boundaries of Unicode (UAX #29) as ICU has them, with ICU's
dictionaries for scripts that write no blanks between words; keep links, addresses, hyphenated words
and emoji sequences whole; say how a text was cut. Does not: know a model or a tokenizer.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal, NamedTuple

from icu4py.breakers import CharacterBreaker, WordBreaker

if TYPE_CHECKING:
    from linkify_it import LinkifyIt

Span = tuple[int, int]
"""`text[start:end]`, counted in code points."""

Manner = Literal["dictionary", "character", "syllable"]
"""How words are found where no blanks stand between them."""

_ROOT = "root"  # no language: the rules and dictionaries are the same for all texts


class _Script(NamedTuple):
    name: str
    manner: Manner
    letters: str


# Ranges of Unicode's blocks. By dictionary: those ICU has one for. By character: the other scripts
# of UAX #14's classes SA, AK and AS that are written today, and Yi. Tibetan marks its syllables.
_SCRIPTS = (
    _Script(
        "Chinese characters",
        "dictionary",
        "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
        "\U00020000-\U0003ffff",
    ),
    _Script("kana", "dictionary", "\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f"),
    _Script("Thai", "dictionary", "\u0e01-\u0e3a\u0e40-\u0e5b"),
    _Script("Lao", "dictionary", "\u0e80-\u0eff"),
    _Script("Khmer", "dictionary", "\u1780-\u17ff"),
    _Script("Burmese", "dictionary", "\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff"),
    _Script("Tai Le", "character", "\u1950-\u197f"),
    _Script("New Tai Lue", "character", "\u1980-\u19df"),
    _Script("Tai Tham", "character", "\u1a20-\u1aaf"),
    _Script("Tai Viet", "character", "\uaa80-\uaadf"),
    _Script("Balinese", "character", "\u1b00-\u1b7f"),
    _Script("Batak", "character", "\u1bc0-\u1bff"),
    _Script("Buginese", "character", "\u1a00-\u1a1f"),
    _Script("Cham", "character", "\uaa00-\uaa5f"),
    _Script("Javanese", "character", "\ua980-\ua9df"),
    _Script("Yi", "character", "\ua000-\ua4cf"),
    _Script("Tibetan", "syllable", "\u0f00-\u0fff"),
)
_MANNERS: dict[Manner, str] = {
    "dictionary": "cut by ICU's dictionary (icu4py {version})",
    "character": "cut by character",
    "syllable": "cut by syllable",
}
_UNSPACED = re.compile(f"[{''.join(script.letters for script in _SCRIPTS)}]")
_OF_SCRIPT = {script.name: re.compile(f"[{script.letters}]") for script in _SCRIPTS}
_BY_CHARACTER = re.compile(
    f"[{''.join(script.letters for script in _SCRIPTS if script.manner == 'character')}]"
)
# Marks of East Asian writing, which no blank follows: CJK symbols, vertical and full-width forms.
_WIDE = re.compile("[\u3001-\u303f\ufe30-\ufe4f\uff01-\uff65\uffa0-\uffef]")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_HYPHENS = frozenset("-\u2010\u2011")
_APOSTROPHES = frozenset("'\u2019")
_LINKED = re.compile(r"\S\.\S|@|//")
_PART = re.compile(r"\S+")
_LONGEST_LINK = 2000
_LONE = re.compile("[\ud800-\udfff]")


def word_spans(text: str, *, hyphenated: bool = True) -> list[Span]:
    """Cut a text into words.

    Definition: the segments of UAX #29's default word boundaries, as ICU's root locale has them, so
    that "don't" and "1,234.56" are one word each and every other visible character, with its marks
    and joined parts, is a word of its own. Scripts that write no blanks between words are cut by
    ICU's dictionaries (Chinese characters, kana, Thai, Lao, Khmer, Burmese), Tibetan at the marks
    between its syllables, and those without a dictionary by character, a base with its marks (UAX
    #29's grapheme cluster). Beyond UAX #29: a link or e-mail address is one word, without the stop
    that ends its sentence (looked for where at most 2,000 letters stand between blanks); hyphens
    and apostrophes that touch letters or digits on both sides belong to the word ("well-known",
    "80's"); keycaps next to each other are one each. Blanks, control and lone format characters
    are no words.

    Args:
        text: any text.
        hyphenated: whether hyphens join words; else each is a word of its own.

    Returns:
        Start and end of each word, in order, without overlap.

    >>> text = "A well-known 1,234.56, isn't it?"
    >>> [text[start:end] for start, end in word_spans(text)]
    ['A', 'well-known', '1,234.56', ',', "isn't", 'it', '?']
    >>> [end - start for start, end in word_spans("这部电影非常好看")]
    [1, 1, 2, 2, 2]
    """
    atoms = sorted([*_links(text), *(match.span() for match in _KEYCAP.finditer(text))])
    spans: list[Span] = []
    for start, end in _outside(atoms, _segments(text)):
        shown = _visible(text, start, end)
        if shown is not None:
            spans.append(shown)
    joints = _APOSTROPHES | _HYPHENS if hyphenated else _APOSTROPHES
    return _joined(text, sorted([*spans, *atoms]), frozenset(atoms), joints)


def word_count(text: str) -> int:
    """Count the words of a text as its length: parts between blanks, marks not counted.

    A part that holds letters of a script without blanks between words counts the words in it that
    hold a letter or digit, at least one.

    >>> word_count("Well , the dog."), word_count("这部电影 非常好看。"), word_count("")
    (4, 5, 0)
    """
    parts = text.split()
    if _UNSPACED.search(text) is None:
        return len(parts)
    return sum(
        1
        if _UNSPACED.search(part) is None
        else max(1, sum(any(map(str.isalnum, part[a:b])) for a, b in word_spans(part)))
        for part in parts
    )


def writes_no_blanks(text: str) -> bool:
    """Whether a text holds letters or marks of scripts that write no blanks between words.

    >>> writes_no_blanks("the film"), writes_no_blanks("film 电影"), writes_no_blanks("\uff01")
    (False, True, True)
    """
    return _UNSPACED.search(text) is not None or _WIDE.search(text) is not None


def how_cut(texts: Iterable[str]) -> str | None:
    """Return how words of scripts without blanks between them were found; None: there are none.

    >>> how_cut(["the film", "a dog"])
    >>> how_cut(["ꦧꦱꦗꦮ"])
    'no blanks stand between words of Javanese: cut by character'
    """
    left = dict(_OF_SCRIPT)
    present: set[str] = set()
    for text in texts:
        if _UNSPACED.search(text) is None:
            continue
        new = {name for name, letters in left.items() if letters.search(text)}
        present |= new
        left = {name: letters for name, letters in left.items() if name not in new}
    ways = [
        f"{_listed(names)}: {way.format(version=version('icu4py'))}"
        for manner, way in _MANNERS.items()
        if (names := [s.name for s in _SCRIPTS if s.name in present and s.manner == manner])
    ]
    return f"no blanks stand between words of {'; of '.join(ways)}" if ways else None


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _segments(text: str) -> Iterator[Span]:
    """Yield ICU's segments, runs of scripts without blanks and dictionary cut by character."""
    # ICU takes no lone surrogates; what stands for them here is one code point too.
    start = 0
    for segment in WordBreaker(_LONE.sub("\ufffd", text), _ROOT):
        end = start + len(segment)
        if _BY_CHARACTER.search(segment):
            yield from _characters(segment, start)
        else:
            yield start, end
        start = end


def _characters(segment: str, start: int) -> Iterator[Span]:
    for character in CharacterBreaker(segment, _ROOT):
        yield start, start + len(character)
        start += len(character)


def _visible(text: str, start: int, end: int) -> Span | None:
    """Cut blanks and control characters off a segment's ends; None: nothing else is in it."""
    while start < end and _unseen(text[start]):
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _unseen(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")


def _outside(atoms: Sequence[Span], segments: Iterable[Span]) -> Iterator[Span]:
    """Yield what is left of segments outside the atoms, which are in order and do not overlap."""
    place = 0
    for start, end in segments:
        at = start
        while place < len(atoms) and atoms[place][1] <= at:
            place += 1
        here = place
        while here < len(atoms) and atoms[here][0] < end:
            if at < atoms[here][0]:
                yield at, atoms[here][0]
            at = max(at, atoms[here][1])
            here += 1
        if at < end:
            yield at, end


@functools.cache
def _finder() -> LinkifyIt:
    from linkify_it import LinkifyIt

    return LinkifyIt()


def _links(text: str) -> list[Span]:
    """Find links and addresses; letters of a script without blanks end them, but in a host."""
    spans = _matches(_UNSPACED.sub(" ", text))
    if _UNSPACED.search(text) is None:
        return spans
    taken = {place for start, end in spans for place in range(start, end)}
    whole = [span for span in _matches(text) if taken.isdisjoint(range(*span))]
    return sorted([*spans, *whole])


def _matches(text: str) -> list[Span]:
    """Find links in the parts between blanks; a part without end would take time without end."""
    return [
        (part.start() + match.index, part.start() + match.last_index)
        for part in _PART.finditer(text)
        if part.end() - part.start() <= _LONGEST_LINK and _LINKED.search(part[0])
        for match in _finder().match(part[0]) or ()
    ]


def _joined(
    text: str, spans: Sequence[Span], atoms: frozenset[Span], joints: frozenset[str]
) -> list[Span]:
    """Join what a joint holds together: it touches letters or digits on both sides.

    Words of scripts without blanks, links and keycaps are not joined to others.
    """
    joined: list[Span] = []
    place = 0
    while place < len(spans):
        span = spans[place]
        while place + 2 < len(spans) and _holds(text, spans[place : place + 3], atoms, joints):
            place += 2
            span = (span[0], spans[place][1])
        joined.append(span)
        place += 1
    return joined


def _holds(
    text: str, three: Sequence[Span], atoms: frozenset[Span], joints: frozenset[str]
) -> bool:
    first, (start, end), last = three
    if text[start:end] not in joints or first[1] != start or last[0] != end:
        return False
    return all(
        side not in atoms and _wordlike(text[slice(*side)]) for side in (first, last)
    ) and not (_UNSPACED.match(text[first[1] - 1]) or _UNSPACED.match(text[last[0]]))


def _wordlike(part: str) -> bool:
    return any(char.isalnum() or char == "_" for char in part)
