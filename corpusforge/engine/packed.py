"""What the driver holds of every unit: as bytes, of which one at a time becomes objects again.

A report as Python objects takes 12 kB, mostly for the sizes of its blocks; as JSON 1.2 kB, and deflated 0.3 kB. A
million units fit into the memory of a small machine only in the last form.
"""

import zlib
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import Any, overload

import orjson

Entry = dict[str, Any]
LEVEL = 1  # 15 us for an entry; level 6 takes twice as long for 5 % less


class PackedEntries(MutableMapping[str, Entry]):
    """Entries of a ledger by name; what is looked up is a copy."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> Entry:
        entry: Entry = unpacked(self._packed[name])
        return entry

    def __setitem__(self, name: str, entry: Entry) -> None:
        self._packed[name] = packed(entry)

    def __delitem__(self, name: str) -> None:
        del self._packed[name]

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


class PackedReports(Sequence[Entry]):
    """Reports in order; what is looked up is a copy."""

    def __init__(self, entries: Iterable[bytes]) -> None:
        self._packed = list(entries)

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(place, slice):
            return PackedReports(self._packed[place])
        entry: Entry = unpacked(self._packed[place])
        return entry

    def __len__(self) -> int:
        return len(self._packed)


def packed(entry: Any) -> bytes:
    """Return an entry as these hold it."""
    # Deflating pays twice: the bytes that orjson returns have kilobytes of room behind them.
    return zlib.compress(orjson.dumps(entry), LEVEL)


def unpacked(data: bytes) -> Any:
    """Return an entry from what `packed` made of it."""
    return orjson.loads(zlib.decompress(data))
