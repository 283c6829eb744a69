r"""Comments as regular expressions find them: at each place the first of a language's tokens that fits.

Over bytes, so that what is said about bytes holds; a name's letters are those of ASCII and all beyond. (?s) throughout.
"""

import re
from collections.abc import Callable

NAME = rb"[0-9A-Za-z_\x80-\xff]"
BLOCK = rb"/\*.*?(?:\*/|\Z)"
ESCAPED = rb"""(?:"(?:\\.|[^"\\\n])*+"|'(?:\\.|[^'\\\n])*+')"""
DOUBLED = rb"""(?:"(?:""|[^"\n])*+"|'(?:''|[^'\n])*+')"""
TRIPLE = rb"""(?:\"""(?:\\.|[^\\])*?(?:\"""|\\?\Z)|'''(?:\\.|[^\\])*?(?:'''|\\?\Z))"""

HASH = re.compile(rb"(?s)(?P<comment>(?<![^\0- ;])#[^\n]*)|" + ESCAPED + rb"|.")
SQL = re.compile(rb"(?s)(?P<comment>--[^\n]*|" + BLOCK + rb")|" + DOUBLED + rb"|.")
C = re.compile(
    rb"(?s)(?P<comment>//(?:\\\n|[^\n])*|" + BLOCK + rb")"
    rb"|(?<!" + NAME + rb')b?r(?P<marks>#*)".*?(?:"(?P=marks)|\Z)'  # Rust
    rb"|(?<!" + NAME + rb""")(?:L|u8?|U)?R"(?P<mark>[^ ()\\"\t\v\f\n]{0,16})\(.*?(?:\)(?P=mark)"|\Z)"""  # C++
    rb'|@"(?:""|[^"])*+(?:"|\Z)'  # C#
    rb"|`[^`]*(?:`|\Z)"  # Go
    rb"|" + TRIPLE.split(b"|'''")[0] + rb""")|"(?:\\.|[^"\\\n])*+"|'(?:[^\\][\x80-\xbf]*|\\.[^']{0,10})'|."""
)

TOKEN_OF_SCRIPT = re.compile(
    rb"(?s)(?P<comment>(?<!:)//[^\n]*|" + BLOCK + rb")|(?P<template>`)|(?P<slash>/)|(?P<space>[\0- ])"
    rb"|(?P<value>" + ESCAPED + rb"|[])}\"'])|(?P<name>(?:" + NAME + rb"|\$)+)|."
)
REGEX = re.compile(rb"(?s)/(?:\\.|\[(?:\\.|[^]\\\n])*+\]|[^/[\\\n])*+/")
TEMPLATE = re.compile(rb"(?s)(?:\\.|(?!\$\{)[^\\`])*+(?:`|\$\{|\\?\Z)")
BEFORE_VALUES = b"return typeof case in of delete void throw else do await".split()

TOKEN_OF_PYTHON = re.compile(
    rb"(?s)(?P<comment>#[^\n]*)|(?P<join>\\.)|(?P<newline>[\r\n])|(?P<space>[\0- ])"
    rb"|(?:(?<!" + NAME + rb")[rRuU])?(?P<string>" + TRIPLE + rb"|" + ESCAPED + rb")|(?P<name>" + NAME + rb"+)|."
)

FRAGMENTS = [
    *('"', "'", '"""', "'''", "`", "\\", '\\"', "\\'", "\\\n", "''", '""', "/*", "*/", "//", "/", "*", "--", "-", "#"),
    *('r"', 'r#"', '"#', 'br##"', '"##', 'abr"', 'R"(', ')"', 'u8R"x(', ')x"', 'COLOR"', '@"', "'a'", "'ä'", "'\\n'"),
    *("'\\U0001F600'", "'\\", "'a ", "http://", ": //", "${", "}", "{", "$", "`a${b}`", "/[/*]/", "[", "]", "(", ")"),
    *("return ", "in", "x", "< ", "</a>", "= ", ", ", ";", ":", "def f():\n", "async def f():\n", "async with x:\n"),
    *("class A:\n", "    ", "u'doc'", 'f"no"', "pass", "\r", "\t", "\f", "def", "async\tdef g(): # c\n", "漢", "/a/"),
]


def found(tokens: "re.Pattern[bytes]") -> Callable[[str], float]:
    return lambda x: share(sum(characters(m["comment"] or b"") for m in tokens.finditer(x.encode())), x)


def share(part: int, text: str) -> float:
    return part / max(1, len(text))


def characters(piece: bytes) -> int:
    return len(piece.decode())


def of_script(text: str) -> float:
    """Walk through the tokens; `braces` holds, for each template that is open, the braces open in it."""
    data, at, count = text.encode(), 0, 0
    braces: list[int] = []
    before = ""  # the kind of token before this one, or its text
    while at < len(data):
        token = TOKEN_OF_SCRIPT.match(data, at)
        assert token is not None
        kind, piece, end = token.lastgroup or "", token[0], token.end()
        if kind == "comment":
            count += characters(piece)
        elif kind == "slash":
            regex = REGEX.match(data, at)
            begins = before != "value" and not (before == "<" and data[at - 1 : at] == b"<")
            closed = begins and regex is not None and len(regex[0]) <= 1000
            if closed and regex is not None:
                end = regex.end()
            before = "value" if closed else "/"
        elif kind == "template" or (piece == b"}" and braces and braces[-1] == 0):
            braces = braces if kind == "template" else braces[:-1]
            rest = TEMPLATE.match(data, end)
            assert rest is not None
            end = rest.end()
            before = "value"
            if rest[0].endswith(b"${") and len(braces) < 64:
                braces = [*braces, 0]
                before = ""
        elif kind != "space":
            if braces and piece in b"{}":
                braces[-1] += 1 if piece == b"{" else -1
            is_value = kind == "value" or (kind == "name" and piece not in BEFORE_VALUES)
            before = "value" if is_value else piece.decode()
        at = end
    return share(count, text)


def of_python(text: str) -> float:
    """Put tokens into logical lines, then look at each line and the one before it."""
    lines: list[list[re.Match[bytes]]] = [[]]
    depth = count = 0
    for token in TOKEN_OF_PYTHON.finditer(text.encode()):
        kind = token.lastgroup
        if kind == "comment":
            count += characters(token[0])
        elif kind == "newline" and depth == 0 and any(t.lastgroup != "join" for t in lines[-1]):
            lines.append([])
        elif kind not in ("newline", "space") and (kind != "join" or lines[-1]):
            lines[-1].append(token)
            depth = max(0, depth + (token[0] in (b"(", b"[", b"{")) - (token[0] in (b")", b"]", b"}")))
    opens = True
    for line in lines:
        if opens and line and line[0].lastgroup == "string" and (len(line) == 1 or line[1][0] == b";"):
            literal = line[0]["string"]
            quotes = 3 if literal[:3] in (b'"""', b"'''") else 1
            ends = re.fullmatch(rb"(?s)(?:\\.|[^\\])*", literal[quotes:-quotes]) and literal[-1:] == literal[:1]
            ends = ends and len(literal) >= 2 * quotes and literal[-quotes:] == literal[:quotes]
            count += characters(literal[quotes:-quotes] if ends else literal[quotes:])
        words = [t[0] for t in line if t.lastgroup != "join"]
        header = words[:1] in ([b"def"], [b"class"]) or words[:2] == [b"async", b"def"]
        opens = header and words[-1] == b":"
    return share(count, text)


REFERENCE: dict[str, Callable[[str], float]] = {
    "c_comment_fraction": found(C),
    "hash_comment_fraction": found(HASH),
    "javascript_comment_fraction": of_script,
    "python_comment_fraction": of_python,
    "sql_comment_fraction": found(SQL),
}
