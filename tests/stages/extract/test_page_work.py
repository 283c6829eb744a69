"""The estimate of a parser's work, against the parser."""

import pytest
from resiliparse.parse.html import HTMLTree

from corpusforge.stages.extract.page_tree import tree
from corpusforge.stages.extract.page_work import work


@pytest.mark.parametrize(
    "html",
    [
        "<p>a<p>b",
        "".join(f"<b id={n}>" for n in range(60)) + "<p>x" * 60,
        "<div><i>" * 40 + "</div><p>y" * 40,
        "<table><tr><td>" * 30,
    ],
)
def test_at_least_the_elements_that_the_parser_opens_are_expected(html: str) -> None:
    opened = len(tree(str(HTMLTree.parse(html)).encode()).tags)
    assert work(html.encode())[0] + 5 >= opened


def test_attributes_are_counted_and_values_are_none() -> None:
    assert work(b"<p a b='c d e' f=\"g h\" i=j k = 'l m' n/>")[1] == 6
    assert work(b"<!-- <p a b c> --><p>")[1] == 0
    assert work(b"<script>" + b"if (a <b c d e f) ;" * 9 + b"</script><p x>")[1] == 1


def test_templates_inside_each_other_are_counted() -> None:
    assert work(b"<template>" * 7 + b"</template>" * 3 + b"<template>")[2] == 7


def test_a_page_that_ends_early_is_no_error() -> None:
    for html in (b"", b"<", b"</", b"<p", b"<p a='", b"<!--", b"<script>", b"<p a="):
        work(html)
