"""Tests of the SVG elements."""

from xml.etree import ElementTree

from kdprobe.report.svg import Chart, Panel, clean, coordinate, numbers_table, slug, tag, text
from kdprobe.results.schema import Column


def chart(title: str = "A title", description: str = "A finding.") -> Chart:
    return Chart(
        name="one",
        title=title,
        finding="",
        caption="",
        panels=(Panel("", description, 100, 50, text(1, 2, "mark")),),
        numbers=numbers_table([Column(name="a", label="A")], [("x",)]),
    )


def test_a_chart_names_and_describes_itself():
    """A screen reader would meet an image without a name or a finding."""
    root = ElementTree.fromstring(chart().svg())
    assert root.get("role") == "img"
    named = {node.get("id"): node.text for node in root}
    assert (root.get("aria-labelledby") or "").split() == ["c-one-t", "c-one-d"]
    assert named["c-one-t"] == "A title"
    assert named["c-one-d"] == "A finding."


def test_only_a_standalone_chart_carries_its_style():
    """A page with a style inside an SVG breaks its own policy; a file without one has no colour."""
    assert "<style>" not in chart().svg()
    alone = ElementTree.fromstring(chart().svg(standalone=True))
    assert alone.tag == "{http://www.w3.org/2000/svg}svg"
    style = alone.find("{http://www.w3.org/2000/svg}style")
    assert style is not None
    assert ".s0" in (style.text or "")


def test_hostile_text_stays_text():
    """A title that closes its element would put markup on the page."""
    hostile = '</title><script>1</script>"&\x1b\x00'
    root = ElementTree.fromstring(chart(hostile, hostile).svg())
    assert root[0].text == '</title><script>1</script>"&��'
    assert not list(root.iter("script"))
    assert clean("'") == "&#x27;"


def test_an_attribute_keeps_to_its_quotes():
    """A quote in a class or address would open a second attribute."""
    node = ElementTree.fromstring(tag("a", {"href": '#" onclick="x'}, "y"))
    assert node.attrib == {"href": '#" onclick="x'}


def test_coordinates_are_short_and_never_negative_zero():
    """Sixteen digits a coordinate would make a page of megabytes, and '-0' differ between runs."""
    assert [coordinate(v) for v in (1 / 3, 2.0, -0.0, -0.04, 10)] == ["0.3", "2", "0", "0", "10"]


def test_names_of_files_hold_no_path():
    """A model called '../x' would write a figure outside its folder."""
    assert slug("../../etc/Passwd ü") == "etc-passwd"
