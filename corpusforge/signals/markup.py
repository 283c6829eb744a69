"""How much of an HTML file a reader sees."""

import numpy as np
from numba import njit

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s, UInt8s
from corpusforge.text.spans import divide


def visible_text_chars(text: TextBatch) -> Floats:
    """Characters outside of tags, comments, declarations, scripts, styles and templates; an entity is one character.

    Whitespace counts. Read as Python's html.parser reads it, without building a tree: a tag begins with `<` and an
    ASCII letter or with `</`, a comment with `<!--`, a declaration with `<!` or `<?`; a tag ends at the first `>`
    outside of quotes that open after `=`. Scripts, styles and templates last up to `</script` etc., of any case.
    What is never closed lasts to the end. An entity is `&`, a letter or `#`, up to 30 ASCII letters and digits, `;`.

    >>> from corpusforge.text import segment
    >>> visible_text_chars(segment(["<p class='a>b'>A &amp; B</p><script>if (a < b) x</script>", "plain", ""]))
    array([5., 5., 0.])

    Source: Li et al. 2023 (StarCoder), section 3.1; there by Beautiful Soup's get_text.
    """
    return _visible(text.data, text.offsets).astype(np.float64)


def visible_text_fraction(text: TextBatch) -> Floats:
    """`visible_text_chars` as a share of the text (0..1); 0 for an empty document.

    >>> from corpusforge.text import segment
    >>> visible_text_fraction(segment(["<b>bold</b>", "plain", ""])).round(2)
    array([0.36, 1.  , 0.  ])

    Source: Li et al. 2023 (StarCoder), section 3.1.
    """
    return divide(_visible(text.data, text.offsets), text.chars)


@njit(cache=True)
def _is_letter(byte: int) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122


@njit(cache=True)
def _tag_end(data: UInt8s, at: int, stop: int) -> int:
    # After the > that ends the tag; quotes hide it, where a value begins.
    quote = 0
    value = False  # after an equals sign
    while at < stop:
        byte = data[at]
        if quote:
            if byte == quote:
                quote = 0
        elif byte == 62:
            return at + 1
        elif (byte == 34 or byte == 39) and value:
            quote = byte
            value = False
        elif byte == 61:
            value = True
        elif byte > 32:
            value = False
        at += 1
    return stop


@njit(cache=True)
def _find(data: UInt8s, at: int, stop: int, mark: bytes) -> int:
    # Where `mark` (small letters) stands next, whatever its case; `stop` when nowhere.
    while at + len(mark) <= stop:
        same = True
        for k in range(len(mark)):
            byte = data[at + k]
            if 65 <= byte <= 90:
                byte |= 32
            if byte != mark[k]:
                same = False
                break
        if same:
            return at
        at += 1
    return stop


@njit(cache=True)
def _opens(data: UInt8s, at: int, stop: int, name: bytes) -> bool:
    # Whether the tag at `at` (its <) is called `name`.
    after = at + 1 + len(name)
    if _find(data, at + 1, min(after, stop), name) != at + 1:
        return False
    return bool(after >= stop or data[after] == 62 or data[after] == 47 or data[after] <= 32)


@njit(cache=True)
def _visible(data: UInt8s, texts: Int64s) -> Int64s:
    found = np.zeros(len(texts) - 1, np.int64)
    for d in range(len(texts) - 1):
        at = texts[d]
        stop = texts[d + 1]
        count = 0
        while at < stop:
            byte = data[at]
            following = data[at + 1] if at + 1 < stop else 0
            if byte == 60 and _is_letter(following):
                begin = at
                at = _tag_end(data, at + 1, stop)
                if _opens(data, begin, stop, b"script"):
                    at = _find(data, at, stop, b"</script")
                elif _opens(data, begin, stop, b"style"):
                    at = _find(data, at, stop, b"</style")
                elif _opens(data, begin, stop, b"template"):
                    at = _find(data, at, stop, b"</template")
            elif byte == 60 and following == 47:
                at = _tag_end(data, at + 2, stop)
            elif byte == 60 and following == 33:
                if at + 3 < stop and data[at + 2] == 45 and data[at + 3] == 45:
                    at = min(_find(data, at + 4, stop, b"-->") + 3, stop)
                else:
                    at = min(_find(data, at, stop, b">") + 1, stop)
            elif byte == 60 and following == 63:
                at = min(_find(data, at, stop, b">") + 1, stop)
            elif byte == 38 and (_is_letter(following) or following == 35):
                end = at + 2
                while end < stop and end - at < 32 and (_is_letter(data[end]) or 48 <= data[end] <= 57):
                    end += 1
                count += 1
                at = end + 1 if end < stop and data[end] == 59 else at + 1
            else:
                count += byte & 0xC0 != 0x80
                at += 1
        found[d] = count
    return found
