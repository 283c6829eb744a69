"""Pages as arrays, against a walk over the parser's own tree."""

from html import unescape

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree, NodeType

from corpusforge.stages.extract.page_blocks import blocks
from corpusforge.stages.extract.page_tree import CODE, CUSTOM, OPEN, TAGS, TEXT, tree

PIECES = [
    "<p>", "</p>", "<div class='a b'>", "</div>", "<b>", "</b>", "<br>", "<img alt='a>b\"c'>", "text", " ",
    "&lt;b&gt; &amp;",
    "<!-- <p> -->", "<script>if (a<b) '</p>'</script>", "<style>p>a{}</style>", "<table>", "<tr><td>", "</table>",
    "<li>", "<ul>",
    "</ul>", "<my-tag x=1>", "</my-tag>", "<textarea><b></textarea>", "<svg><title>t</title><path/></svg>",
    "<a href=x>", "</a>",
    "<template><i>q</template>", "<pre>\n\n x</pre>", "<select><option>o", "<input value=\"=&quot;'\">",
    "größer 日本", "<math><mi>x",
    "<p \x22=\x22 'q' =>", "<!doctype html>", "<noscript><p>n</noscript>", "<frameset>",
    "<xmp><b></xmp>",
]  # fmt: skip


def written(html: str) -> bytes:
    return str(HTMLTree.parse(html)).encode()


def walked(html: str) -> list[tuple[str, ...]]:
    """Return (tag, parent's tag) of each element and (text, parent's tag) of each text, in order."""
    found: list[tuple[str, ...]] = []

    def walk(node: object) -> None:
        for child in node.child_nodes:
            above = "#" if node.type == NodeType.DOCUMENT else node.tag
            if child.type == NodeType.ELEMENT:
                found.append(("<", child.tag, above))
                walk(child)
            elif child.type == NodeType.TEXT and child.value:
                found.append(("text", child.value, above))

    # What was written out and parsed again is what the bytes say; once more changes a few misnested pages.
    walk(HTMLTree.parse(html).document)
    return found


def from_arrays(html: bytes) -> list[tuple[str, ...]]:
    page = tree(html)
    names = np.array(TAGS)[page.tags]
    found: list[tuple[str, ...]] = []
    for token, (kind, element) in enumerate(zip(page.kinds, page.elements, strict=True)):
        if kind == OPEN:
            above = page.parents[element]
            found.append(("<", names[element], names[above] if above else "#"))
        elif kind == TEXT:
            text = html[slice(*page.spans[token])].decode()
            raw = names[element] in ("script", "style", "xmp", "plaintext", "iframe", "noembed", "noframes")
            found.append(("text", text if raw else unescape(text), names[element]))
    return found


def known(items: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    def name(tag: str) -> str:
        return tag if tag in CODE or tag == "#" else TAGS[CUSTOM] if "-" in tag else "other"

    return [(kind, name(value) if kind == "<" else value, name(above)) for kind, value, above in items]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_the_arrays_are_the_parsers_tree(pieces: list[str]) -> None:
    html = "".join(pieces)
    if "<template" in html:  # its content is a document of its own in the tree, and stands inside it when written
        return
    assert from_arrays(written(html)) == known(walked(html))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200) | st.text(st.sampled_from("<>/=\"'!-ap &;"), max_size=60).map(str.encode))
def test_bytes_that_no_parser_wrote_do_no_harm(html: bytes) -> None:
    page = tree(html)
    assert (page.parents <= np.arange(len(page.tags))).all()
    assert page.spans.size == 0 or (page.spans.min() >= 0 and page.spans.max() <= len(html))


def test_blocks_are_cut_where_the_markup_breaks_lines() -> None:
    page = tree(
        written("<p>one <b>two</b><br>three<br><br>four<ul><li>five<p>six</ul><table><tr><td>7<td>8</table>nine")
    )
    cut = blocks(page)
    texts = []
    for first, stop in cut.tokens:
        spans = [page.spans[t] for t in range(first, stop) if page.kinds[t] == TEXT]
        texts.append(" ".join(page.html[slice(*span)].tobytes().decode().strip() for span in spans))
    assert texts == ["one two three", "four", "five", "six", "7", "8", "nine"]


def test_what_readers_do_not_see_is_in_no_block() -> None:
    unseen = (
        "<script>a</script><style>b</style><noscript><p>c</p></noscript><template>d</template><textarea>e</textarea>"
    )
    assert (
        len(blocks(tree(written(f"<title>t</title><body>{unseen}<select><option>f</select><iframe>g</iframe>"))).tokens)
        == 0
    )
