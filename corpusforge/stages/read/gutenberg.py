"""Project Gutenberg's plain-text files: where the book begins and ends, and what the header says.

The marks changed over fifty years: `*** START OF THE PROJECT GUTENBERG EBOOK ... ***` since 2003 (THIS from 2006 to
2020), `*END*THE SMALL PRINT!...*END*` before, and no mark at all in other people's text files, which are kept whole.
"""

import re
from dataclasses import dataclass, field

HEADER_CHARS = 100_000  # the longest known header, with the small print of the nineties, is 16,000
FOOTER_CHARS = 60_000  # the licence is 19,000; some books add a catalogue

_OF = r"OF[ \t]{1,8}(?:TH(?:E|IS)[ \t]{1,8})?(?:COPYRIGHTED[ \t]{1,8})?PROJECT[ \t]{1,8}GUTENBERG"
# A mark's title may be wrapped over several lines; the mark then ends at the next three stars.
START = re.compile(
    rf"^[ \t]*\*+[ \t]*START[ \t]+{_OF}[^\n]*(?:(?<!\*)\n(?:[^\n*]+\n){{0,4}}[^\n*]*\*\*\*[ \t]*$)?", re.M | re.I
)
SMALL_PRINT_END = re.compile(r"^.{0,20}END[ *]*THE SMALL PRINT!?[^\n]*END\*[ \t]*$", re.M | re.I)
END = re.compile(rf"^[ \t]*\*+[ \t]*END[ \t]+{_OF}[^\n]*", re.M | re.I)
FOOTER = re.compile(
    rf"{END.pattern}"
    r"|^[ \t]*(?:End of (?:the |this )?(?:Project Gutenberg|Etext of)"
    r"|This is the end of (?:the )?Project Gutenberg"
    r"|(?:Ende|Fin) (?:dieses|de|du|del) (?:l[ae] )?Proje[ck]t Gutenberg"
    r"|\*+[ \t]*This file should be named )[^\n]*",
    re.M | re.I,
)
CREDITS = re.compile(
    r"Note: (?:Project Gutenberg also|Images of the original)|"
    r"(?:This )?(?:(?:e-?text|e-?book|file) (?:was |is )?)?(?:first )?"
    r"(?:produced|prepared|transcribed|scanned|digitized|typed|proofed|created)\b[^\n]{0,60}\b(?:by|from)\b",
    re.I,
)
REPEATED_TITLE = re.compile(r"\**The Project Gutenberg (?:e-?text|e-?book)\b", re.I)
TITLE_LINE = re.compile(
    r"^\W{0,20}(?:The )?Project Gutenberg(?:'s|’s)?(?: E-?(?:text|book))?(?: of|,)? "
    r"(.{1,200}?)(?:,? by (.{1,200}?))?\W{0,20}$",
    re.I | re.M,
)
FIELD = re.compile(
    r"^(Title|Author|Editor|Translator|Illustrator|Compiler|Contributor|Language|Release date|Posting date|"
    r"Character set encoding|Credits|Original publication)[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)",
    re.I | re.M,
)
PARAGRAPH = re.compile(r"^[^\n]++(?:\n[^\n]++)++", re.M)  # of two lines or more
EBOOK_NUMBER = re.compile(r"\[\s*e-?(?:text|book)\s*#\s*(\d+)\s*\]", re.I)
MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
DATE = re.compile(rf"({'|'.join(MONTHS)})\.?(?:[ ]+(\d{{1,2}}))?,?[ ]+(\d{{4}})", re.I)
LANGUAGES = {
    "afrikaans": "af", "arabic": "ar", "bulgarian": "bg", "catalan": "ca", "cebuano": "ceb", "chinese": "zh",
    "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "esperanto": "eo", "estonian": "et",
    "farsi": "fa", "finnish": "fi", "french": "fr", "frisian": "fy", "friulian": "fur", "gaelic, scottish": "gd",
    "galician": "gl", "german": "de", "greek": "el", "hebrew": "he", "hungarian": "hu", "icelandic": "is",
    "iloko": "ilo", "irish": "ga", "italian": "it", "japanese": "ja", "korean": "ko",
    "latin": "la", "lithuanian": "lt", "maori": "mi", "middle english": "enm", "nahuatl": "nah", "neapolitan": "nap",
    "norwegian": "no", "occitan": "oc", "old english": "ang", "polish": "pl", "portuguese": "pt", "romanian": "ro",
    "russian": "ru", "sanskrit": "sa", "serbian": "sr", "slovenian": "sl", "spanish": "es", "swedish": "sv",
    "tagalog": "tl", "telugu": "te", "turkish": "tr", "ukrainian": "uk", "welsh": "cy", "yiddish": "yi",
}  # fmt: skip


@dataclass
class Book:
    """The text of one book without the library's header and footer, and the header's fields."""

    text: str
    title: str | None = None
    language: str | None = None  # ISO 639
    date: str | None = None  # ISO 8601, as exact as the header: the release of the electronic text
    metadata: dict[str, str] = field(default_factory=dict)


def cut(text: str) -> Book:
    """Return the book inside `text`, whose lines end in a newline; without marks all of it.

    >>> cut("*** START OF THIS PROJECT GUTENBERG EBOOK A ***\\nOnce.\\n*** END OF THE PROJECT GUTENBERG").text
    'Once.'
    """
    begin = _begin(text)
    end = _end(text, begin)
    header = text[:begin]
    if not begin and end == len(text):
        return Book(text)
    book = Book(text[begin:end])
    _describe(book, header)
    _drop_credits(book)
    book.text = book.text.strip("\n").rstrip()
    return book


def declared_charset(data: bytes) -> str | None:
    """Return what the header says of the character set, None when it says nothing.

    >>> declared_charset(b"Title: A\\r\\nCharacter set encoding: ISO Latin-1\\r\\n")
    'ISO Latin-1'
    """
    found = re.search(rb"^Character set encoding:[ \t]*([^\r\n]{1,60})", data[:HEADER_CHARS], re.I | re.M)
    return found[1].decode("ascii", "replace").strip() if found else None


def unwrap(text: str) -> str:
    r"""Join the lines of each paragraph of prose; what is indented or has short lines (verse, tables) stays as it is.

    Prose is a paragraph whose lines, but the last, are at least 0.6 times as long as the book's long lines are.

    >>> unwrap("The quick brown fox jumps over\nthe lazy dog, which sleeps on.\n\nO rose,\nthou art sick!")
    'The quick brown fox jumps over the lazy dog, which sleeps on.\n\nO rose,\nthou art sick!'
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return text
    width = 0.6 * sorted(map(len, lines))[len(lines) * 9 // 10]
    margin = sorted(len(line) - len(line.lstrip()) for line in lines)[len(lines) // 2]  # some books are indented
    return PARAGRAPH.sub(lambda found: _joined(found[0], width, margin), text)


def _joined(paragraph: str, width: float, margin: int) -> str:
    lines = paragraph.split("\n")
    if any(len(line) < width for line in lines[:-1]) or any(line[margin : margin + 1].isspace() for line in lines[1:]):
        return paragraph
    joined = lines[0].rstrip()
    for line in lines[1:]:
        joined += line.strip() if joined.endswith(("-", "—")) else " " + line.strip()
    return joined


def _begin(text: str) -> int:
    head = text[:HEADER_CHARS]
    first_end = END.search(head)
    head = head[: first_end.start()] if first_end else head
    marks = [m.end() for pattern in (START, SMALL_PRINT_END) for m in pattern.finditer(head)]
    return max(marks, default=0)


def _end(text: str, begin: int) -> int:
    for mark in FOOTER.finditer(text, begin):
        if len(text) - mark.start() <= FOOTER_CHARS:
            return mark.start()
    return len(text)


def _describe(book: Book, header: str) -> None:
    fields = {name.lower(): " ".join(value.split()) for name, value in reversed(FIELD.findall(header))}
    line = TITLE_LINE.search(header[:2000])
    book.title = fields.pop("title", None) or (line[1] if line else None)
    if "author" not in fields and line and line[2]:
        fields["author"] = line[2]
    first = re.split(r"\s*(?:,| and |/|;|&)\s*", fields.get("language", "").lower())[0]
    book.language = LANGUAGES.get(fields.get("language", "").lower()) or LANGUAGES.get(first)
    if book.language:
        del fields["language"]
    number = EBOOK_NUMBER.search(header)
    if number:
        book.metadata["id"] = number[1]
    book.date = _iso(fields.pop("release date", ""))
    for name in ("posting date", "character set encoding"):
        fields.pop(name, None)
    book.metadata.update({name.replace(" ", "_"): fields[name] for name in sorted(fields) if fields[name]})


def _iso(value: str) -> str | None:
    found = DATE.search(value)
    if not found:
        return None
    month = MONTHS.index(found[1].lower()) + 1
    return f"{found[3]}-{month:02d}" + (f"-{int(found[2]):02d}" if found[2] else "")


def _drop_credits(book: Book) -> None:
    # Up to four paragraphs of the library's own before the book: a repeated title, stars, who produced the file.
    for _ in range(4):
        paragraph, _, rest = book.text.lstrip("\n").partition("\n\n")
        if CREDITS.match(paragraph.strip(" [(_*")):
            book.metadata.setdefault("credits", " ".join(paragraph.split()))
        elif not REPEATED_TITLE.match(paragraph.strip()) and paragraph.strip("* \n"):
            return
        book.text = rest
