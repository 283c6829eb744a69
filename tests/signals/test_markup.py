"""Visible text of HTML: against Python's html.parser."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.signals.markup import visible_text_chars
from corpusforge.text import segment


class Reference(HTMLParser):
    """Counts the characters of data outside of scripts, styles and templates; an entity is one character."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.count = 0
        self.hidden = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.hidden and tag in ("script", "style", "template"):
            self.hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.hidden:
            self.hidden = ""

    def handle_data(self, data: str) -> None:
        self.count += 0 if self.hidden else len(data)

    def handle_entityref(self, name: str) -> None:
        self.count += 0 if self.hidden else 1

    handle_charref = handle_entityref


def visible(text: str) -> int:
    return int(visible_text_chars(segment([text]))[0])


PIECES = (
    "<p>", "</p>", "<a href='x>y'>", '<img alt="<b>">', "<br/>", "<!-- a <b> -->", "<!DOCTYPE html>", "<?php echo ?>",
    "<script>if (a < b) '</p>'</script>", "<STYLE>a {}</STYLE >", "<template><p>no</p></template>", "&amp;", "&#233;",
    "text", "ä漢 ", " 1 < 2 ", "\n", "5 > 4",
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_it_counts_what_html_parser_gives_as_data(pieces: list[str]) -> None:
    text = "".join(pieces)
    parser = Reference()
    parser.feed(text)
    parser.close()
    assert visible(text) == parser.count


@pytest.mark.parametrize(
    ("text", "count"),
    [("<script>never closed", 0), ("<!-- never closed", 0), ("<a href='never closed", 0), ("a & b", 5), ("a<", 2)],
)
def test_what_is_never_closed_hides_the_rest(text: str, count: int) -> None:
    assert visible(text) == count
