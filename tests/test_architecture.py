"""The picture of how the package is built."""

from kdprobe.plain_text import printable
from tests.architecture import PICTURE, draw, imports, rooms


def test_the_picture_is_that_of_the_code():
    """A picture that is drawn by hand shows a building that was planned once."""
    again = "python -m tests.architecture draws it anew"
    assert PICTURE.read_text(encoding="utf-8") == draw(), printable(again)


def test_every_mark_lies_below_the_diagonal():
    """Two rooms that import each other would be one room."""
    place = {room.name: number for number, room in enumerate(rooms())}
    known = {(one, other) for one, other in imports() if one in place and other in place}
    assert not {pair for pair in known if pair[::-1] in known}
    assert not {(one, other) for one, other in known if place[other] > place[one]}
