"""Tests of the templates' rules: escaped always, undefined never blank."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from kdprobe.report.markup import fill


def test_a_forgotten_value_is_an_error_not_a_blank():
    """A misspelt name in a template would leave a hole on the page."""
    with pytest.raises(UndefinedError, match="'title' is undefined"):
        fill("folded.html", body="")


def test_strings_are_escaped_and_cleaned_and_markup_is_kept():
    """A caption with a tag must show the tag; a chart must not be shown as text."""
    hostile = "<b>\x1b\u202e"
    text = fill(
        "checks.html", checks=Markup("<i>kept</i>"), undefined=[(hostile, [Markup("<b>x</b>")])]
    )
    assert "<li>&lt;b&gt;��" in text
    assert "<i>kept</i>" in text
    assert "(<b>x</b>)" in text
    assert isinstance(text, Markup)
