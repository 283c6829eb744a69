"""What an exception said, without what it quotes of the document: quarantine holds an error and a place, no content."""

import re

import pyarrow as pa

_QUOTED = re.compile(r"'([^'\n]{2,})'|\"([^\"\n]{2,})\"|`([^`\n]{2,})`")
_WORD = re.compile(r"[^\s'\"`,;()\[\]{}<>]{4,}")
_TELLING = re.compile(r"[\d@]|[^\x00-\x7f]|\S{16}")  # what ordinary words of a message have not
GONE = "[...]"


def without_content(message: str, document: pa.RecordBatch) -> str:
    """Return `message` without what also stands in a string of the one-row batch `document`.

    That is what it quotes, and words with digits, `@` or letters beyond ASCII in them. Errors of libraries quote what
    they choke on, and that can be personal data which privacy.pii would have removed.

    >>> without_content("ValueError: no number: 'jo@web.org' at 12", pa.record_batch({"text": ["to jo@web.org"]}))
    "ValueError: no number: '[...]' at 12"
    """
    texts = [
        value
        for column in document.columns
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        for value in column.to_pylist()
        if value
    ]

    def held(piece: str) -> bool:
        return any(piece in text or piece.encode().decode("unicode_escape", "ignore") in text for text in texts)

    def quoted(match: re.Match[str]) -> str:
        piece = next(group for group in match.groups() if group is not None)
        return match[0].replace(piece, GONE) if held(piece) else match[0]

    message = _QUOTED.sub(quoted, message)
    return _WORD.sub(lambda m: GONE if _TELLING.search(m[0]) and held(m[0].strip(".:")) else m[0], message)
