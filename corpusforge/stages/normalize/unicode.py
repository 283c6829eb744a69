"""normalize.unicode"""

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa

from corpusforge.stage import Example, Kernel, Stage, kept, with_columns

if TYPE_CHECKING:
    from ftfy import TextFixerConfig

_LINE_END = str.maketrans({"\r": "\n", "\f": "\n"} | {chr(c): None for c in range(0x80, 0xA0)})


class Unicode(Stage):
    r"""Repair broken characters, unify line ends and bring the text into one Unicode form.

    The result is `normalize(form, clean(normalize(form, ftfy.fix_text(text))))`, where `clean` turns \r\n, \r and \f
    into \n and drops C1 controls. ftfy repairs mojibake line by line, decodes HTML entities in documents up to their
    first line with a `<`, splits Latin ligatures, removes terminal escapes, the byte order mark (U+FEFF) anywhere and
    control characters except \n and \t. Typographic quotes, full-width forms (the normal punctuation of
    Chinese and Japanese), zero-width spaces and joiners (spelling in Thai, Persian, emoji) and soft hyphens stay.

    A compiled scan first finds the lines in which one of ftfy's rules can apply, by tables made from ftfy's own
    pattern and from Unicode's quick check; only these go through ftfy, all others keep their bytes. Lines of more than
    100,000 characters are repaired in pieces of that length. Null stays null, empty stays empty; rows already
    rejected are not looked at. When nothing changes the column is the same Arrow array.

    Reads: text. Writes: text. Rejects: nothing.
    Cost: 0.013 CPU s per MB on web English, 0.035 on 200 languages, 0.003 on code, opening 0.5 s (measured, one core);
        ftfy on every line: 0.3 to 0.4 s per MB.
    Errors: ValueError on opening when the installed ftfy has other rules than were foreseen.

    >>> from corpusforge.testing import docs, run_stage
    >>> run_stage(Unicode(), docs("schÃ¶n\r\n", "plain"))["text"].to_pylist()
    ['schön\n', 'plain']

    Source: R. Speer, ftfy 6 (2019-); Unicode Standard Annex 15 (normalization forms), sections 9 and 11.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)
    writes = {"text": pa.large_string()}
    depends: ClassVar[tuple[str, ...]] = ("ftfy",)
    memory_bytes: ClassVar[int] = 32 << 20

    form: Literal["NFC", "NFKC", "none"] = "NFC"
    fix_encoding: bool = True  # mojibake: text that was once decoded with the wrong encoding
    unescape_html: Literal["auto", "always", "never"] = "auto"  # auto: until the document's first line with a '<'
    fix_ligatures: bool = True  # single characters for fi, fl, DZ... into their letters
    fix_width: bool = False  # full-width Latin and half-width katakana into the usual forms
    uncurl_quotes: bool = False  # typographic quotes into straight ones

    def open(self) -> Kernel:
        """Build the tables of the scan from the installed ftfy and return the kernel."""
        from ftfy.badness import BADNESS_RE
        from ftfy.chardata import CONTROL_CHARS, LIGATURES, WIDTH_MAP

        from corpusforge.stages.normalize.badness import suspect_pairs
        from corpusforge.stages.normalize.suspects import Characters, find
        from corpusforge.text import segment
        from corpusforge.text.splice import splice

        altered = [*CONTROL_CHARS, *range(0x80, 0xA0), 0x2028, 0x2029]
        altered += [*LIGATURES] * self.fix_ligatures + [*WIDTH_MAP] * self.fix_width
        altered += [0x2BC, *range(0x2018, 0x2020)] * self.uncurl_quotes
        characters = Characters.of(self.form, [code for code in altered if code >= 0x80])
        pairs = suspect_pairs(BADNESS_RE) if self.fix_encoding else None
        entities = {"never": 0, "always": 1, "auto": 2}[self.unescape_html]
        repair = _Repair(self)

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            column = batch.column("text")
            text = segment(column)
            broken, starts, ends, flags = find(text.data, text.offsets, kept(batch), characters, pairs, entities)
            if not len(starts) and not broken.any():
                return batch
            data = text.data.data
            spans = []
            for start, end, flag in zip(starts.tolist(), ends.tolist(), flags.tolist(), strict=True):
                old = bytes(data[start:end])
                if (new := repair(old, flag)) != old:
                    spans.append((start, end, new))
            for document in np.flatnonzero(broken).tolist():
                start, end = text.offsets[document : document + 2].tolist()
                spans = _unify_line_ends(data, start, end, spans)
            spans.sort()
            if not spans:
                return batch
            begins, stops, pieces = zip(*spans, strict=True)
            return with_columns(batch, text=splice(column, np.array(begins), np.array(stops), pieces))

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Show a repaired text, a form, and texts that stay as they are."""
        return (
            Example(cls(), {"text": "Ordinary text."}, None, {"text": "Ordinary text."}),
            Example(cls(), {"text": "\ufeffa\r\nb\rc\fd\x00\x1b[1me"}, None, {"text": "a\nb\nc\nde"}),
            Example(cls(), {"text": "Itâ€™s caf\u0065\u0301 &amp; co"}, None, {"text": "It’s café & co"}),
            Example(cls(), {"text": "<p>\n&amp; “ﬁn”，"}, None, {"text": "<p>\n&amp; “fin”，"}),
            Example(cls(form="NFKC", uncurl_quotes=True), {"text": "“10³”"}, None, {"text": '"103"'}),
        )


class _Repair:
    """What is done to one line (bytes with its line feed) that the scan has found."""

    def __init__(self, stage: Unicode) -> None:
        self.form = stage.form
        self.config = config(stage)
        self.after_tag = self.config
        if stage.unescape_html == "auto":
            self.after_tag = self.config._replace(unescape_html=False)

    def __call__(self, line: bytes, flags: int) -> bytes:
        from ftfy import fix_text

        from corpusforge.stages.normalize.suspects import AFTER_TAG, REPAIR

        text = line.decode()
        if self.form != "none" and not flags & REPAIR and unicodedata.is_normalized(self.form, text):
            return line
        fixed = fix_text(text, self.after_tag if flags & AFTER_TAG else self.config)
        return clean(fixed, self.form).encode()


def config(stage: Unicode) -> "TextFixerConfig":
    """Return what the stage asks of ftfy."""
    from ftfy import TextFixerConfig

    from corpusforge.stages.normalize.suspects import PIECE_CHARS

    return TextFixerConfig(
        unescape_html=stage.unescape_html if stage.unescape_html == "auto" else stage.unescape_html == "always",
        fix_encoding=stage.fix_encoding,
        fix_latin_ligatures=stage.fix_ligatures,
        fix_character_width=stage.fix_width,
        uncurl_quotes=stage.uncurl_quotes,
        normalization=None if stage.form == "none" else stage.form,
        max_decode_length=PIECE_CHARS,
        explain=False,
    )


def clean(text: str, form: Literal["NFC", "NFKC", "none"]) -> str:
    """Return `text` in the form, with line feeds as the only line ends and without C1 controls."""
    if form != "none":
        text = unicodedata.normalize(form, text)
    text = text.replace("\r\n", "\n").translate(_LINE_END)
    return text if form == "none" else unicodedata.normalize(form, text)


def _unify_line_ends(
    data: memoryview, start: int, end: int, spans: list[tuple[int, int, bytes]]
) -> list[tuple[int, int, bytes]]:
    """Return `spans` with those of one document merged into one that also changes its line ends."""
    inside = sorted(s for s in spans if start <= s[0] < end)
    parts = []
    at = start
    for begin, stop, piece in inside:
        parts += [bytes(data[at:begin]), piece]
        at = stop
    whole = b"".join([*parts, bytes(data[at:end])])
    whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\f", b"\n")
    return [s for s in spans if not start <= s[0] < end] + [(start, end, whole)]
