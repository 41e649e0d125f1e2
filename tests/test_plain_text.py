"""Foreign text made safe to show."""

from hypothesis import given
from hypothesis import strategies as st

from kdprobe.plain_text import printable


def test_escape_codes_become_visible() -> None:
    """A model named after an escape sequence must not repaint the reader's terminal."""
    assert printable("\x1b[2Jgone\x07") == "\ufffd[2Jgone\ufffd"
    assert printable("right\u202eleft") == "right\ufffdleft"
    assert printable("a\tb\nc") == "a b c"
    assert printable("e\u0301 नमस्ते 👩\u200d🔬") == "e\u0301 नमस्ते 👩\u200d🔬"


@given(st.text(), st.integers(1, 20))
def test_always_printable_and_short(text: str, limit: int) -> None:
    """No input may come through with a control character or longer than asked."""
    shown = printable(text, limit=limit)
    assert len(shown) <= limit
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert printable(printable(text)) == printable(text)
