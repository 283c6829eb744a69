"""Which character set bytes of unknown origin are in, and the text they hold."""

import codecs
import re

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins like theirs
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Names as old book headers spell them, reduced to letters and digits. What calls itself Latin-1 or ASCII and is not
# UTF-8 is Windows-1252 in practice, as browsers assume (WHATWG Encoding Standard, section 4.2).
SPELLINGS = {
    "isolatin1": "cp1252",
    "latin1": "cp1252",
    "iso88591": "cp1252",
    "88591": "cp1252",
    "usascii": "cp1252",
    "ascii": "cp1252",
    "iso646us": "cp1252",
    "iso646ususascii": "cp1252",
    "windows1252": "cp1252",
    "codepage1252": "cp1252",
    "unicodeutf8": "utf-8",
    "windows1251": "cp1251",
    "windows1250": "cp1250",
    "codepage437": "cp437",
    "codepage850": "cp850",
    "macroman": "mac-roman",
}
SAMPLE_BYTES = 64 << 10
# Below this share of bytes over 0x7f a text is Western European: French and Spanish have 2 to 5 %, Polish and Czech 7
# to 12, Cyrillic 80. Detectors guess wildly there: of 17 Gutenberg books stored as Windows-1252 without a declaration
# resiliparse's took 5 for another set and charset_normalizer 14, nearly always for a few accents in an English text.
MIN_FOREIGN_FRACTION = 0.06
MAX_BROKEN_FRACTION = 0.05  # of the characters beyond ASCII: UTF-8 with a few damaged bytes is still UTF-8


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """Return (text, name of the encoding): byte order mark, UTF-8, what is declared, a guess, Windows-1252.

    Bytes that the encoding lacks become U+FFFD; those that Windows-1252 leaves undefined are read as Latin-1.

    >>> decode("caf\\xe9".encode("latin-1"), "ISO-8859-1")
    ('café', 'cp1252')
    """
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), name
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    name = known(declared) or "utf-8"
    if name == "utf-8":  # nothing declared, or wrongly, or a damaged byte
        name = _guess(data) or "cp1252"
    if name == "cp1252":
        return data.decode("cp1252", "latin1"), name
    return data.decode(name, "replace"), name


def known(declared: str | None) -> str | None:
    """Return Python's name of a character set as a header spells it, None when there is no such set.

    >>> known("ISO Latin-1"), known("UTF-8"), known("MIDI")
    ('cp1252', 'utf-8', None)
    """
    if not declared:
        return None
    spelt = re.sub(r"[^a-z0-9]", "", declared.lower())
    if spelt in SPELLINGS:
        return SPELLINGS[spelt]
    name = declared.strip().replace(" ", "-")
    try:
        b"a".decode(name)  # LookupError too for codecs that are no character sets, such as base64
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return None


def _guess(data: bytes) -> str | None:
    from resiliparse.parse.encoding import detect_encoding

    broken = data.decode("utf-8", "replace")
    if broken.count("\ufffd") <= MAX_BROKEN_FRACTION * len(re.findall(r"[^\x00-\x7f]", broken)):
        return "utf-8"
    start = next((m.start() for m in re.finditer(rb"[\x80-\xff]", data)), 0)
    sample = data[start : start + SAMPLE_BYTES]
    if len(re.findall(rb"[\x80-\xff]", sample)) < MIN_FOREIGN_FRACTION * len(sample):
        return None
    found = known(detect_encoding(sample))
    return None if found == "utf-8" else found


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin1", _as_latin_1)
