"""The errors corpusforge raises, as a tree.

    CorpusforgeError
    ├── RecipeError            the recipe or the command is wrong; nothing was run (exit code 2)
    ├── InputError             one input cannot be read; in a run it becomes a quarantine row
    ├── OutputError            the output folder is in use, or belongs to another recipe (exit code 2)
    └── RunError               the run failed; the message says what to do next (exit code 1)
        ├── AccountingError    read = kept + rejected + quarantined was broken: a bug, never ignored
        ├── StorageError       the storage failed while an input was read: no fault of the document
        ├── CorruptFile        an intermediate file is missing or fails its checksum; it is redone once
        └── TooManyErrors      more documents failed than `run.max_error_fraction` allows

Every message says where, what is, what would be right, and what to do next.
"""


class CorpusforgeError(Exception):
    """Root of every error raised on purpose."""


class RecipeError(CorpusforgeError):
    """A recipe or command is wrong. `where` is file:line:column when it is known."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


class InputError(CorpusforgeError):
    """One input (file, record, row) cannot be read."""


class OutputError(CorpusforgeError):
    """The output folder cannot be used as asked."""


class RunError(CorpusforgeError):
    """A run failed."""


class AccountingError(RunError):
    """Documents appeared or vanished between two places that count them."""


class StorageError(RunError):
    """Stored bytes could not be read; unlike OSError no reader takes it for damage of the file's content."""


class CorruptFile(RunError):
    """An intermediate file is missing or differs from its recorded checksum."""

    def __init__(self, path: str, found: str) -> None:
        super().__init__(f"{path}: {found}")
        self.path = path
        self.found = found

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.path, self.found)


class TooManyErrors(RunError):
    """More documents were quarantined than the recipe allows."""
