import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.text import segment
from corpusforge.text.splice import splice

DOCUMENTS = st.lists(st.none() | st.text("aé🙂", max_size=6), max_size=6)


@given(DOCUMENTS, st.integers(0, 3), st.data())
def test_spans_are_replaced_as_python_replaces_them(texts: list[str | None], skipped: int, data: st.DataObject) -> None:
    column = pa.array(texts, pa.large_string()).slice(skipped)
    expected = list(texts[skipped:])
    offsets = segment(column).offsets
    starts, ends, pieces = [], [], []
    for i, text in enumerate(expected):
        if text:
            first = data.draw(st.integers(0, len(text) - 1))
            last = data.draw(st.integers(first + 1, len(text)))
            piece = data.draw(st.text("xyé", max_size=3))
            starts.append(offsets[i] + len(text[:first].encode()))
            ends.append(offsets[i] + len(text[:last].encode()))
            pieces.append(piece.encode())
            expected[i] = text[:first] + piece + text[last:]
    found = splice(column, starts, ends, pieces)
    found.validate(full=True)
    assert found.to_pylist() == expected


def test_without_spans_the_column_itself_comes_back() -> None:
    column = pa.array(["a"], pa.large_string())
    assert splice(column, [], [], []) is column
