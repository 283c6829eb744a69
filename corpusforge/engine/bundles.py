"""Bundles: what one unit of work reads: a split, or neighbouring small files, each of which costs more than it holds.

100,000 files of 2 kB as 100,000 units are 1,000 CPU seconds and 300,000 intermediate files; as 400 bundles they are
next to nothing. Where a bundle begins depends on its own files alone (their ids are hashes), so a file that is added
changes the bundle it falls into and no other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import xxhash

from corpusforge.source import Split

MEAN_FILES = 256  # of a bundle of tiny files
MOST_FILES = 1024
SMALL_SHARE = 64  # a file is small when it is at most this part of run.split_bytes: 1 MB
BUNDLE_SHARE = 16  # a bundle is full when it holds this part of run.split_bytes: 4 MB


@dataclass(frozen=True, slots=True)
class Bundle:
    """Splits of one source that are read one after the other, their documents counted as if they were one."""

    splits: tuple[Split, ...]
    id: int  # of the split; of several, XXH3-64 of theirs

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.splits[0].source

    @property
    def stored_bytes(self) -> int:
        """Stored bytes of all splits."""
        return sum(split.stored_bytes for split in self.splits)

    @property
    def name(self) -> str:
        """The bundle, for people."""
        first = self.splits[0]
        more = f" and {len(self.splits) - 1} more" if len(self.splits) > 1 else f"[{first.start}]"
        return f"{first.source}/{first.relative}{more}"


def alone(split: Split) -> Bundle:
    """Return a bundle of one split."""
    return Bundle((split,), split.id)


def bundles(files: Iterable[list[Split]], split_bytes: int) -> Iterator[Bundle]:
    """Yield the splits of the files of one source, in order, those of small files together."""
    held: list[Split] = []
    held_bytes = 0
    for splits in files:
        small = len(splits) == 1 and splits[0].stored_bytes <= split_bytes // SMALL_SHARE
        full = held_bytes >= split_bytes // BUNDLE_SHARE or len(held) >= MOST_FILES
        if held and (not small or full or splits[0].id % MEAN_FILES == 0):
            yield _together(held)
            held, held_bytes = [], 0
        if small:
            held += splits
            held_bytes += splits[0].stored_bytes
        else:
            yield from map(alone, splits)
    if held:
        yield _together(held)


def _together(splits: list[Split]) -> Bundle:
    if len(splits) == 1:
        return alone(splits[0])
    ids = b"".join(split.id.to_bytes(8, "little") for split in splits)
    return Bundle(tuple(splits), xxhash.xxh3_64_intdigest(ids))
