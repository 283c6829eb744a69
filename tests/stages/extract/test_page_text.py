"""What is written of chosen blocks: line breaks, lists, tables, code, quotes, formulas."""

from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from corpusforge.stages.extract.page_blocks import blocks
from corpusforge.stages.extract.page_text import text
from corpusforge.stages.extract.page_tree import TEXT, tree

PIECES = [
    "<p>", "</p>", "<div>", "</div>", "<b>", "</b>", "<br>", "text", " ", "a &lt;b&gt; &amp;",
    "<script>no</script>", "<table>",
    "<tr><td>", "</table>", "<li>", "<ul>", "</ul>", "<ol>", "<a href=x>", "</a>", "<pre>\n\n x", "</pre>",
    "<blockquote>", "größer 日本",
    "<h2>", "</h2>", "<sup>", "</sup>", "<code>", "</code>", "<i>", "</i>", "<dt>", "<dd>", "&nbsp;", "<td>",
]  # fmt: skip


def written(html: str, markdown: bool = False, without: tuple[int, ...] = ()) -> str:
    page = tree(str(HTMLTree.parse(html)).encode())
    cut = blocks(page)
    chosen = np.ones(len(cut.elements), bool)
    chosen[list(without)] = False
    return text(page, cut, chosen, markdown)


@pytest.mark.parametrize(
    "html, plain, markdown",
    [
        ("<h2>A</h2><p>b\n  c</p><p>d", "A\n\nb c\n\nd", "## A\n\nb c\n\nd"),
        ("<p>one<br>two", "one\ntwo", "one\ntwo"),
        ("<ul><li>a<li><p>b<p>c</ul><p>d", "- a\n- b\n\nc\n\nd", "- a\n- b\n\n  c\n\nd"),
        ("<ol><li>a<ul><li>b</ul><li>c</ol>", "- a\n- b\n- c", "1. a\n  - b\n2. c"),
        ("<ol>" + "<li>x" * 10 + "</ol>", "\n".join(["- x"] * 10), "\n".join(f"{n}. x" for n in range(1, 11))),
        (
            "<table><tr><th>A<th>B<tr><td>1<td>2</table>",
            "A | B\n1 | 2",
            "| A | B |\n| --- | --- |\n| 1 | 2 |",
        ),
        ("<table><tr><td>A<td></td><td>C</table>", "A | C", "| A |  | C |\n| --- | --- | --- |"),
        ("<table><tr><td><p>A<p>B<td>C</table>", "A\n\nB\n\nC", "A\n\nB\n\nC"),
        ("<pre>if a &lt; b:\n    c\n</pre><p>d", "if a < b:\n    c\n\nd", "```\nif a < b:\n    c\n```\n\nd"),
        (
            "<pre><div>def f():</div><div>    return 1</div></pre>",
            "def f():\n    return 1",
            "```\ndef f():\n    return 1\n```",
        ),
        ("<blockquote><p>a<p>b</blockquote>c", "a\n\nb\n\nc", "> a\n>\n> b\n\nc"),
        ("<p><b>bold </b>and <i>it</i> <code>x&lt;y</code>", "bold and it x<y", "**bold** and *it* `x<y`"),
        ("<p><b> </b>x", "x", "x"),
        ("<dl><dt>t<dd>d</dl>", "t\nd", "t\nd"),
        (
            "<p>10<sup>6</sup> m<sup>-2</sup> 1<sup>st</sup> a<sup><a>1</a></sup>",
            "10^6 m^-2 1st a1",
            "10^6 m^-2 1st a1",
        ),
        ("<p>a&nbsp;b &amp;&lt;&gt; &quot;", 'a b &<> "', 'a b &<> "'),
        ('<p>a <math alttext="x &lt; 1"><mi>x</mi></math> b', "a $x < 1$ b", "a $x < 1$ b"),
        ("<p>a <script type='math/tex'>\\alpha</script> b", "a $\\alpha$ b", "a $\\alpha$ b"),
        ("<p><script type='math/tex; mode=display'>\\beta</script>", "$\\beta$", "$\\beta$"),
        (
            "<p><span class=katex><math><semantics><mi>q</mi><annotation encoding='application/x-tex'>Q</annotation>"
            "</semantics></math><span class='katex-html'>drawn</span></span>.",
            "$Q$.",
            "$Q$.",
        ),
        ('<p><math alttext="y"><mi>y</mi></math>', "$y$", "$y$"),
        ("<p>a <math><mi>x</mi><mo>=</mo><mn>1</mn></math>", "a x=1", "a x=1"),
    ],
)
def test_a_piece_of_a_page_is_written_as(html: str, plain: str, markdown: str) -> None:
    assert written(html) == plain
    assert written(html, markdown=True) == markdown


def test_left_out_blocks_leave_no_trace() -> None:
    assert written("<p>a<p>b<p>c", without=(1,)) == "a\n\nc"
    assert written("<ul><li><p>share<p>a<li>b</ul>", without=(0,)) == "- a\n- b"
    assert written("<p>a", without=(0,)) == ""


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.booleans())
def test_every_character_of_chosen_blocks_is_written_once(pieces: list[str], markdown: bool) -> None:
    html = "".join(pieces)
    page = tree(str(HTMLTree.parse(html)).encode())
    cut = blocks(page)
    seen = [t for t, e in enumerate(page.elements) if page.kinds[t] == TEXT and not cut.skipped[e]]
    expected = unescape("".join(page.html[slice(*page.spans[t])].tobytes().decode() for t in seen))
    marks = set("|-#>*`0123456789.^") if markdown else set("|-^")
    found = text(page, cut, np.ones(len(cut.elements), bool), markdown)

    def letters(value: str) -> str:
        return "".join(c for c in value if not c.isspace() and c not in marks)

    assert letters(found) == letters(expected)
