"""Comments of source code: against Python's own tokenizer and parser, Pygments, and cases made by hand."""

import ast
import io
import sysconfig
import tokenize
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.signals import find
from corpusforge.text import segment


def comment_chars(signal: str, text: str) -> int:
    return round(float(find(signal)(segment([text]))[0]) * len(text))


def of_python(text: str) -> int:
    """Characters of comments and of docstrings without their quotes, as tokenize and ast find them."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    count = sum(len(t.string) for t in tokens if t.type == tokenize.COMMENT)
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            if first.lineno == getattr(node, "lineno", 0):
                continue  # def f(): "on the line of its header"
            literal = (ast.get_source_segment(text, first.value) or "").lstrip("rRuU")
            count += len(literal) - 2 * (3 if literal[:3] in ('"""', "'''") else 1)
    return count


LIBRARY = [p for p in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")) if p.stat().st_size < 12_000][::2]


def test_python_comments_are_those_of_the_tokenizer_and_docstrings_those_of_the_parser() -> None:
    assert len(LIBRARY) > 10
    for path in LIBRARY:
        text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\f", " ")
        assert comment_chars("python_comment_fraction", text) == of_python(text), path.name


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        ('x = "#" # a', "# a"),
        ("x = '''\n# no\n''' # a", "# a"),
        ('def f(\n    a: str = "x",\n) -> str:\n    """Doc."""\n', "Doc."),
        ('class A:\n    r"""Doc #1."""  # a\n', "Doc #1.# a"),
        ('x = 1\n"""no docstring"""\n', ""),
        ('if x:\n    "no docstring"\n', ""),
        ("# only", "# only"),
        ('"unclosed # a\n', ""),
    ],
)
def test_python_by_hand(text: str, comments: str) -> None:
    if '"unclosed' in text:
        assert comment_chars("python_comment_fraction", text) == len("# a")
    else:
        assert comment_chars("python_comment_fraction", text) == len(comments) == of_python(text)


@pytest.mark.parametrize(
    ("signal", "text", "comments"),
    [
        ("c", 'char *s = "// no"; // a', "// a"),
        ("c", 'puts("\\"/* no */"); /* a\n b */ x', "/* a\n b */"),
        ("c", "char c = '\"'; // a", "// a"),
        ("c", "char c = '\\''; /* a */", "/* a */"),
        ("c", "int x = 1'000'000; // it's", "// it's"),
        ("c", "fn f<'a>(s: &'a str) {} // don't", "// don't"),
        ("c", 'let s = r#"// no " // no"#; // a', "// a"),
        ("c", 'auto s = R"x(// no )" // no)x"; // a', "// a"),
        ("c", 'var s = @"c:\\"; // a', "// a"),
        ("c", 's = """\n// no "quoted"\n"""; // a', "// a"),
        ("c", "s := `// no\n// no` // a", "// a"),
        ("c", "#define A // a \\\n b\nint c;", "// a \\\n b"),
        ("c", "/* never closed", "/* never closed"),
        ("c", "a /* b // c */ d", "/* b // c */"),
        ("c", "naïve // ä漢", "// ä漢"),
        ("javascript", "a = '// no'; // a", "// a"),
        ("javascript", "a = `// no ${b /* c */ + `// no ${d}`} // no`; // e", "/* c */// e"),
        ("javascript", "a = b / c; // d", "// d"),
        ("javascript", "a = /[/*]/.test(b) // c", "// c"),
        ("javascript", "return /\\/\\/ no/ // a", "// a"),
        ("javascript", "(a + b) / c // d / e", "// d / e"),
        ("javascript", "<a>don't</a> // b", "// b"),
        ("javascript", "x = {a: {b: `${{c: 1}.c}// no`}} // d", "// d"),
        ("hash", "echo $# ${#x} '# no' \"# no\" # a", "# a"),
        ("hash", "# a\nkey: value#no # b", "# a# b"),
        ("hash", "it's # a", "# a"),
        ("sql", "select '--', '''--' -- a\n/* b */", "-- a/* b */"),
        ("sql", "select 4 - -1", ""),
    ],
)
def test_by_hand(signal: str, text: str, comments: str) -> None:
    assert comment_chars(f"{signal}_comment_fraction", text) == len(comments)


@pytest.mark.parametrize("signal", ["c", "javascript", "hash", "sql", "python"])
def test_hostile_texts_take_no_longer_than_others_and_no_document_reaches_into_the_next(signal: str) -> None:
    measure = find(f"{signal}_comment_fraction")
    pieces = ["/[", "'\\", '"\\', "`${", "/*", '#"', 'r#"', 'R"(', "'''", '"""', "<!--", "--'"]
    texts = [piece * 200_000 for piece in pieces] + ["x = 1", ""]
    values = measure(segment(texts))
    assert ((values >= 0) & (values <= 1)).all()
    assert values[-2:].tolist() == [0.0, 0.0]
    assert [float(measure(segment([text]))[0]) for text in texts] == values.tolist()


def test_java_and_javascript_agree_with_pygments_on_real_code(shared: Callable[[str], Path]) -> None:
    pygments = pytest.importorskip("pygments")
    files = pq.read_table(shared("code/code_dev.parquet"), columns=["text", "lang", "size"]).to_pylist()
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment

    for language, signal in (("java", "c"), ("javascript", "javascript"), ("go", "c")):
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
        texts = [f["text"] for f in files if f["lang"] == language and 500 < f["size"] < 20_000]
        for text in texts[::8][:12]:
            kinds = (Comment.Single, Comment.Multiline)
            wanted = sum(len(value) for kind, value in pygments.lex(text, lexer) if kind in kinds)
            assert abs(comment_chars(f"{signal}_comment_fraction", text) - wanted) <= 0.005 * len(text)
