"""How much of a source file is comment, by the syntax of its language; the table of a pack says which file has which.

Scanned in one pass without a parser: what looks like a comment inside a string, a template or a regular expression is
none. A quote that is not closed on its line (where the language wants that) is no string. What may go on over lines
(block comments, raw strings, templates, text of three quotes) and is never closed goes on to the end of the text.

A line ends at a newline. In a string a backslash takes the next character along, a newline too. Whitespace is every
character up to the space; names are of ASCII letters, digits, `_` and all characters beyond ASCII.
"""

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s, UInt8s
from corpusforge.text.spans import divide

SLASHES, SCRIPT, HASH, DASHES = 0, 1, 2, 3
MAX_NESTED = 64  # templates inside templates
MAX_REGEX_BYTES = 1000
MAX_CHARACTER_BYTES = 14  # of a character of C with its quotes: backslash, U, eight digits


def c_comment_fraction(text: TextBatch) -> Floats:
    r"""Share of characters in `//` and `/* */` comments, marks included (0..1); 0 for an empty document.

    For C, C++, C#, CSS, Dart, Go, Groovy, Java, Kotlin, PHP (but its `#`), Rust, Scala, Swift. Known strings: "..." on
    a line, text blocks of three quotes, raw strings of C++, C#, Go, Rust; 'x' is a character (one, or a backslash with
    1 to 11 bytes), 'a a lifetime. Comments inside comments end the outer one, as in C; a backslash at the end of a line
    lets `//` go on.

    >>> from corpusforge.text import segment
    >>> c_comment_fraction(segment(['x="//a"; // b\n', "/* a */\n"])).round(2)
    array([0.29, 0.88])

    Source: Ben Allal et al. 2023 (SantaCoder), section 4: comments by characters.
    """
    return divide(_comments(text.data, text.offsets, SLASHES), text.chars)


def javascript_comment_fraction(text: TextBatch) -> Floats:
    r"""Share of characters in `//` and `/* */` comments of JavaScript and TypeScript (0..1); 0 for an empty document.

    Known besides strings: templates with what is nested in them (64 deep), regular expressions up to 1000 bytes on a
    line. One begins with a slash where a value does: not after a name (but return, typeof, case, in, of, delete, void,
    throw, else, do, await), a string, template or regular expression, a quote or `)`, `]`, `}`, nor in `</`. `://`
    begins no comment.

    >>> from corpusforge.text import segment
    >>> javascript_comment_fraction(segment(["a = `//${b /*c*/}` / /[/*]/; // d", ""])).round(2)
    array([0.27, 0.  ])

    Source: Ben Allal et al. 2023 (SantaCoder), section 4; there by Pygments.
    """
    return divide(_comments(text.data, text.offsets, SCRIPT), text.chars)


def hash_comment_fraction(text: TextBatch) -> Floats:
    r"""Share of characters in comments from `#` to the end of the line (0..1); 0 for an empty document.

    For shells, Ruby, Perl, R, Julia, Makefile, YAML, TOML, CMake, Dockerfile. A `#` begins a comment at the start of a
    line and after whitespace or `;`, outside of "..." and '...' that close on their line.

    >>> from corpusforge.text import segment
    >>> hash_comment_fraction(segment(['echo "# $#" # two\n', ""])).round(2)
    array([0.28, 0.  ])

    Source: none; the share of SantaCoder for further languages.
    """
    return divide(_comments(text.data, text.offsets, HASH), text.chars)


def sql_comment_fraction(text: TextBatch) -> Floats:
    r"""Share of characters in `--` and `/* */` comments (0..1); 0 for an empty document.

    A string, '...' or "...", closes on its line; a quote in it is doubled, not escaped.

    >>> from corpusforge.text import segment
    >>> sql_comment_fraction(segment(["select '--''--' -- all\n", ""])).round(2)
    array([0.26, 0.  ])

    Source: none; the share of SantaCoder for further languages.
    """
    return divide(_comments(text.data, text.offsets, DASHES), text.chars)


def python_comment_fraction(text: TextBatch) -> Floats:
    r"""Share of characters in comments and docstrings of Python (0..1); 0 for an empty document.

    Comments count from `#` to the end of the line. A docstring is a string that is the first statement of the file or
    of a block that `def`, `async def` or `class` opens on a line of its own; it counts without its quotes. It may have
    the prefix r or u, is not put together from several, and nothing but `;` or a comment follows it on its line. A
    carriage return, too, ends a statement; a backslash outside of strings takes the next character along.

    >>> from corpusforge.text import segment
    >>> python_comment_fraction(segment(['def f():\n    "Doc #1."\n    return "#" # no\n', ""])).round(2)
    array([0.26, 0.  ])

    Source: Ben Allal et al. 2023 (SantaCoder), section 4; there without the hash signs and the docstrings' indentation,
    and 0 for what Python cannot parse.
    """
    return divide(_python(text.data, text.offsets), text.chars)


@njit(cache=True)
def _chars(data: UInt8s, start: int, stop: int) -> int:
    count = 0
    for at in range(start, stop):
        count += (data[at] & 0xC0) != 0x80
    return count


@njit(cache=True)
def _line_end(data: UInt8s, at: int, stop: int) -> int:
    while at < stop and data[at] != 10:
        at += 1
    return at


@njit(cache=True)
def _closed(data: UInt8s, at: int, stop: int, quote: int, escapes: bool) -> int:
    # After the string that `quote` opens at `at`, on one line; at + 1 when it is not closed there.
    here = at + 1
    while here < stop and data[here] != 10:
        if escapes and data[here] == 92:
            here += 2  # a backslash before a newline lets the string go on
            continue
        if data[here] == quote:
            if escapes or here + 1 >= stop or data[here + 1] != quote:
                return here + 1
            here += 1
        here += 1
    return at + 1


@njit(cache=True)
def _after(data: UInt8s, at: int, stop: int, mark: int, times: int, escapes: bool) -> int:
    # After `times` marks in a row, from `at` on; stop + 1 when there are none.
    run = 0
    while at < stop:
        if escapes and data[at] == 92:
            at += 2
            run = 0
            continue
        run = run + 1 if data[at] == mark else 0
        at += 1
        if run == times:
            return at
    return stop + 1


@njit(cache=True)
def _block_end(data: UInt8s, at: int, stop: int) -> int:
    # After the */ that closes the comment whose /* stands at `at`.
    at += 2
    while at + 1 < stop:
        if data[at] == 42 and data[at + 1] == 47:
            return at + 2
        at += 1
    return stop


@njit(cache=True)
def _is_name(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95 or byte >= 128


@njit(cache=True)
def _comments(data: UInt8s, texts: Int64s, kind: int) -> Int64s:
    found = np.zeros(len(texts) - 1, np.int64)
    nested = np.zeros(MAX_NESTED, np.int64)  # open braces of each template that is open
    unclosed = np.zeros(4, np.int64)  # by quote (34, 39, 96 modulo 4): up to where none of its strings is closed
    for d in range(len(texts) - 1):
        start = texts[d]
        stop = texts[d + 1]
        at = start
        last = 0  # the last byte that is no space
        after = 0  # where it ends
        depth = 0
        count = 0
        while at < stop:
            byte = data[at]
            following = data[at + 1] if at + 1 < stop else 0
            end = at
            if kind == HASH:
                before = data[at - 1] if at > start else 10
                if byte == 35 and (before <= 32 or before == 59):
                    end = _line_end(data, at, stop)
            elif kind == DASHES and byte == 45 and following == 45:
                end = _line_end(data, at, stop)
            elif byte == 47 and following == 42:
                end = _block_end(data, at, stop)
            elif (
                byte == 47
                and following == 47
                and (kind == SLASHES or (kind == SCRIPT and data[max(at - 1, start)] != 58))
            ):
                end = _line_end(data, at, stop)
                while kind == SLASHES and end < stop and data[end - 1] == 92:  # a spliced line
                    end = _line_end(data, end + 1, stop)
            if end > at:
                count += _chars(data, at, end)
                at = end
                continue
            if kind == SCRIPT:
                if byte == 96:
                    at = _template(data, at + 1, stop)
                    if at < stop and data[at - 1] == 123 and depth < MAX_NESTED:
                        nested[depth] = 0
                        depth += 1
                    last = data[at - 1]  # a backquote, or the { after which a value begins
                    continue
                if byte == 47 and _value_begins(data, start, at, last, after):
                    end = _regex(data, at, stop)
                    last = 41 if end > at + 1 else 47  # it is a value, as what ) closes is
                    at = end
                    continue
                if depth > 0 and byte == 123:
                    nested[depth - 1] += 1
                elif depth > 0 and byte == 125:
                    nested[depth - 1] -= 1
                    if nested[depth - 1] < 0:  # the end of what is nested: the template goes on
                        depth -= 1
                        at = _template(data, at + 1, stop)
                        if at < stop and data[at - 1] == 123:
                            nested[depth] = 0
                            depth += 1
                        last = data[at - 1]
                        continue
            if (byte == 34 or byte == 39 or (byte == 96 and kind == SLASHES)) and at >= unclosed[byte % 4]:
                end = _string(data, start, at, stop, kind)
                if end == at + 1:  # looked for until the end of the line: once is enough
                    character = kind == SLASHES and byte == 39
                    unclosed[byte % 4] = end if character else _line_end(data, at, stop)
                at = end
                last = byte
                continue
            at += 1
            if byte > 32:
                last = byte
                after = at
        found[d] = count
    return found


@njit(cache=True)
def _string(data: UInt8s, start: int, at: int, stop: int, kind: int) -> int:
    # After the string or character that begins at `at`.
    byte = data[at]
    before = data[at - 1] if at > start else 0
    second = data[at - 2] if at - 1 > start else 0
    third = data[at - 3] if at - 2 > start else 0
    if kind == DASHES:
        return _closed(data, at, stop, byte, False)
    if kind != SLASHES:
        return _closed(data, at, stop, byte, True)
    if byte == 96:
        return _after(data, at + 1, stop, 96, 1, False)
    if byte == 39:
        if at + 1 < stop and data[at + 1] == 92:
            for here in range(at + 3, min(at + MAX_CHARACTER_BYTES, stop)):
                if data[here] == 39:
                    return here + 1
            return at + 1
        here = at + 2
        while here < stop and data[here] & 0xC0 == 0x80:
            here += 1
        return here + 1 if here < stop and data[here] == 39 else at + 1
    hashes = 0
    while at - 1 - hashes >= start and data[at - 1 - hashes] == 35:
        hashes += 1
    letter = data[at - 1 - hashes] if at - 1 - hashes >= start else 0
    earlier = data[at - 2 - hashes] if at - 2 - hashes >= start else 0
    if earlier == 98:  # br"..."
        earlier = data[at - 3 - hashes] if at - 3 - hashes >= start else 0
    if letter == 114 and not _is_name(earlier):
        here = at + 1  # r"..." and r#"..."# of Rust
        while here < stop:
            here = _after(data, here, stop, 34, 1, False)
            marks = 0
            while marks < hashes and here + marks < stop and data[here + marks] == 35:
                marks += 1
            if marks == hashes:
                return here + marks
        return stop
    if before == 82:  # R"mark(...)mark" of C++, also LR, uR, UR, u8R
        if second == 76 or second == 85 or second == 117:
            second = third
        elif second == 56 and third == 117:
            second = data[at - 4] if at - 3 > start else 0
        opened = at + 1
        while opened < min(at + 17, stop) and _marks(data[opened]):
            opened += 1
        if not _is_name(second) and opened < stop and data[opened] == 40:  # not COLOR "..." written together
            length = opened - at - 1
            here = opened + 1
            while here < stop:
                here = _after(data, here, stop, 41, 1, False)
                same = 0
                while same < length and here + same < stop and data[here + same] == data[at + 1 + same]:
                    same += 1
                if same == length and here + same < stop and data[here + same] == 34:
                    return here + same + 1
            return stop
    if before == 64:  # @"..." of C#: quotes are doubled, newlines are text
        here = at + 1
        while here < stop:
            if data[here] == 34:
                if here + 1 >= stop or data[here + 1] != 34:
                    return here + 1
                here += 1
            here += 1
        return stop
    if at + 2 < stop and data[at + 1] == 34 and data[at + 2] == 34:
        return _after(data, at + 3, stop, 34, 3, True)
    return _closed(data, at, stop, 34, True)


@njit(cache=True)
def _marks(byte: int) -> bool:
    # Whether a raw string of C++ may have it in its mark: no space, quote, bracket, backslash.
    return not (9 <= byte <= 12 or byte == 32 or byte == 34 or byte == 40 or byte == 41 or byte == 92)


@njit(cache=True)
def _template(data: UInt8s, at: int, stop: int) -> int:
    # After the backquote that ends a template, or after the ${ of what is nested in it.
    while at < stop:
        if data[at] == 92:
            at += 2
        elif data[at] == 96:
            return at + 1
        elif data[at] == 36 and at + 1 < stop and data[at + 1] == 123:
            return at + 2
        else:
            at += 1
    return stop


@njit(cache=True)
def _value_begins(data: UInt8s, start: int, at: int, last: int, after: int) -> bool:
    # Whether a slash at `at` begins a regular expression: after an operator, an opening bracket or a keyword. `last`
    # is the byte before it that is no space or comment; it ends at `after` if it is of a name.
    if last == 0:
        return True
    if last == 60:
        return bool(data[at - 1] != 60)  # </a> of JSX
    if not _is_name(last):
        return last != 41 and last != 93 and last != 125 and last != 34 and last != 39 and last != 96 and last != 36
    end = after
    begin = end
    while begin > start and end - begin < 11 and (_is_name(data[begin - 1]) or data[begin - 1] == 36):
        begin -= 1
    for word in (b"return", b"typeof", b"case", b"in", b"of", b"delete", b"void", b"throw", b"else", b"do", b"await"):
        if len(word) == end - begin:
            same = True
            for k in range(len(word)):
                same &= data[begin + k] == word[k]
            if same:
                return True
    return False


@njit(cache=True)
def _regex(data: UInt8s, at: int, stop: int) -> int:
    here = at + 1
    inside = False  # of [...]
    while here < stop and data[here] != 10 and here - at < MAX_REGEX_BYTES:
        if data[here] == 92:
            here += 1
        elif data[here] == 91:
            inside = True
        elif data[here] == 93:
            inside = False
        elif data[here] == 47 and not inside:
            return here + 1
        here += 1
    return at + 1


@njit(cache=True)
def _python(data: UInt8s, texts: Int64s) -> Int64s:
    found = np.zeros(len(texts) - 1, np.int64)
    for d in range(len(texts) - 1):
        start = texts[d]
        stop = texts[d + 1]
        at = start
        depth = 0  # of brackets
        fresh = True  # nothing yet on this logical line
        header = False  # this logical line begins with def, class or async def
        opens = True  # a string that is the next logical line is a docstring
        last = 0
        count = 0
        while at < stop:
            byte = data[at]
            if byte == 35:
                end = _line_end(data, at, stop)
                count += _chars(data, at, end)
                at = end
                continue
            if byte == 92 and at + 1 < stop:
                at += 2
                continue
            if byte == 10 or byte == 13:
                if depth == 0 and not fresh:
                    opens = header and last == 58
                    fresh = True
                at += 1
                continue
            if byte <= 32:
                at += 1
                continue
            if byte == 34 or byte == 39:
                begin = at
                triple = at + 2 < stop and data[at + 1] == byte and data[at + 2] == byte
                if triple:
                    at = _after(data, at + 3, stop, byte, 3, True)
                else:
                    at = _closed(data, at, stop, byte, True)
                if fresh and opens and _ends_statement(data, at, stop):
                    quotes = 3 if triple else 1
                    count += _chars(data, begin + quotes, at - quotes if at <= stop else stop)
                header = header and not fresh
                fresh = False
                last = byte
                continue
            if fresh:
                end = at
                while end < stop and _is_name(data[end]):
                    end += 1
                if _prefix(data, at, end) and end < stop and (data[end] == 34 or data[end] == 39):
                    at = end  # r"...": still the first of its line
                    continue
                header = _is_header(data, at, end, stop)
                fresh = False
            if byte == 40 or byte == 91 or byte == 123:
                depth += 1
            elif byte == 41 or byte == 93 or byte == 125:
                depth = max(depth - 1, 0)
            last = byte
            at += 1
        found[d] = count
    return found


@njit(cache=True)
def _prefix(data: UInt8s, start: int, end: int) -> bool:
    return end - start == 1 and (data[start] | 32 == 114 or data[start] | 32 == 117)


@njit(cache=True)
def _is_header(data: UInt8s, start: int, end: int, stop: int) -> bool:
    if _is_word(data, start, end, b"async"):
        start = end
        while start < stop and data[start] <= 32 and data[start] != 10 and data[start] != 13:
            start += 1
        end = start
        while end < stop and _is_name(data[end]):
            end += 1
        return _is_word(data, start, end, b"def")
    return _is_word(data, start, end, b"def") or _is_word(data, start, end, b"class")


@njit(cache=True)
def _is_word(data: UInt8s, start: int, end: int, word: bytes) -> bool:
    if end - start != len(word):
        return False
    same = True
    for k in range(len(word)):
        same &= data[start + k] == word[k]
    return same


@njit(cache=True)
def _ends_statement(data: UInt8s, at: int, stop: int) -> bool:
    while at < stop and data[at] <= 32 and data[at] != 10 and data[at] != 13:
        at += 1
    return bool(at >= stop or data[at] == 10 or data[at] == 13 or data[at] == 35 or data[at] == 59)
