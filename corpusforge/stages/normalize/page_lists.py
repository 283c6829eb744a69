"""Lists of page numbers: tables of contents and indexes; and the numbers of verses at the ends of lines."""

import numpy as np
from numba import njit

from corpusforge.stages.normalize.page_lines import Lines
from corpusforge.text.arrays import Bools, Int64s, UInt8s

MIN_CONTENTS_LINES = 5
MIN_INDEX_LINES = 20
MAX_GAP_LINES = 2  # lines of a list without a page number: a long title, a letter of the alphabet
MAX_PAGE = 1499  # larger numbers are years
MAX_FIRST_PAGE = 100  # of a table of contents
MIN_PAGES = 1.5  # of a chapter
MAX_LIST_LINE_CHARS = 120
MIN_VERSE_NUMBERS = 4
NO_VERSE = -1000  # a number between verse numbers ends their series


@njit(cache=True)
def _is_letter(byte: int) -> bool:
    return byte >= 128 or 65 <= byte <= 90 or 97 <= byte <= 122


@njit(cache=True)
def _trailing(data: UInt8s, start: int, end: int) -> tuple[int, int]:
    # (value, place) of the digits at the end of a line; value -1 without digits or with more than four.
    at = end
    while at > start and 48 <= data[at - 1] <= 57:
        at -= 1
    if at == end or end - at > 4:
        return -1, end
    value = 0
    for k in range(at, end):
        value = value * 10 + (data[k] - 48)
    return value, at


@njit(cache=True)
def _contents_page(data: UInt8s, start: int, end: int) -> int:
    # The page at the end of a line of a table of contents, -1 for other lines: letters, a wide gap or dots, a number.
    stop = end
    while stop > start and (data[stop - 1] == 46 or data[stop - 1] == 32):
        stop -= 1
    value, at = _trailing(data, start, stop)
    if value <= 0 or value > MAX_PAGE:
        return -1
    dots = 0
    spaces = 0
    while at > start and (data[at - 1] == 32 or data[at - 1] == 9 or data[at - 1] == 46 or data[at - 1] == 0xA0):
        dots += data[at - 1] == 46
        spaces += data[at - 1] != 46
        at -= 1
    letters = 0
    for k in range(start, at):
        letters += _is_letter(data[k])
        if data[k] == 61:  # a formula
            return -1
    if letters < 3:
        return -1
    return value if dots >= 2 or spaces >= 2 or (spaces == 1 and dots == 0 and data[at - 1] != 44) else -1


@njit(cache=True)
def _page_references(data: UInt8s, start: int, end: int) -> int:
    # How often ", 12" stands in a line: a comma or a semicolon, a space, a number that is no year.
    count = 0
    at = start
    while at + 2 < end:
        if (data[at] == 44 or data[at] == 59) and data[at + 1] == 32 and 48 <= data[at + 2] <= 57:
            stop = at + 2
            value = 0
            while stop < end and 48 <= data[stop] <= 57 and stop - at < 8:
                value = value * 10 + (data[stop] - 48)
                stop += 1
            plain = stop == end or data[stop] == 44 or data[stop] == 59 or data[stop] == 45 or data[stop] == 46
            plain |= stop < end and (data[stop] == 0xE2 or (data[stop] == 32 and _no_prose(data, stop + 1, end)))
            count += plain and value <= MAX_PAGE
            at = stop
        else:
            at += 1
    return count


@njit(cache=True)
def _no_prose(data: UInt8s, at: int, end: int) -> bool:
    # Whether what follows a page is a capital, a digit, or one of n. et sq ff.
    if at >= end or not 97 <= data[at] <= 122:
        return True
    if at + 1 >= end:
        return False
    first, second = data[at], data[at + 1]
    return bool(
        (first == 110 and second == 46)
        or (first == 101 and second == 116)
        or (first == 115 and second == 113)
        or (first == 102 and second == 102)
    )


@njit(cache=True)
def mark_lists(data: UInt8s, offsets: Int64s, lines: Lines, dropped: Bools) -> None:
    """Mark in `dropped` the lines of tables of contents (pages that grow) and of indexes (many page references)."""
    pages = np.empty(len(lines.chars), np.int64)
    references = np.zeros(len(lines.chars), np.bool_)
    for i in range(len(lines.chars)):
        pages[i] = -1
        if 0 < lines.chars[i] <= MAX_LIST_LINE_CHARS:
            pages[i] = _contents_page(data, lines.starts[i], lines.ends[i])
            letter = _is_letter(data[lines.starts[i]])
            references[i] = letter and _page_references(data, lines.starts[i], lines.ends[i]) > 0
    for d in range(len(offsets) - 1):
        _mark_contents(offsets[d], offsets[d + 1], lines, pages, dropped)
        _mark_index(offsets[d], offsets[d + 1], lines, references, dropped)


@njit(cache=True)
def _mark_contents(first: int, last: int, lines: Lines, pages: Int64s, dropped: Bools) -> None:
    i = first
    while i < last:
        if pages[i] < 0 or dropped[i]:
            i += 1
            continue
        stop = i + 1  # after the last line with a page
        count = 1
        growing = 1
        larger = 1
        before = pages[i]
        others = 0  # lines since the last page
        between = 0  # lines without a page inside the list
        j = i + 1
        while j < last and others <= MAX_GAP_LINES:
            if lines.chars[j] > 0 and not dropped[j]:
                if pages[j] >= 0:
                    between += others
                    others = 0
                    count += 1
                    growing += pages[j] >= before
                    larger += pages[j] > before
                    before = pages[j]
                    stop = j + 1
                else:
                    others += 1
            j += 1
        grows = growing >= 0.9 * count and larger >= 0.5 * count
        far = before - pages[i] >= MIN_PAGES * (count - 1)  # else chapters are numbered, not pages
        if count >= MIN_CONTENTS_LINES and grows and far and pages[i] <= MAX_FIRST_PAGE and between <= 0.7 * count:
            for k in range(i, stop):
                dropped[k] = dropped[k] or lines.chars[k] > 0
        i = stop


@njit(cache=True)
def _mark_index(first: int, last: int, lines: Lines, references: Bools, dropped: Bools) -> None:
    i = first
    while i < last:
        if not references[i] or dropped[i]:
            i += 1
            continue
        stop = i + 1
        count = 1
        others = 0
        between = 0
        j = i + 1
        while j < last and others <= MAX_GAP_LINES + 1:
            if lines.chars[j] > 0 and not dropped[j]:
                if references[j]:
                    between += others
                    others = 0
                    count += 1
                    stop = j + 1
                else:
                    others += 1
            j += 1
        if count >= MIN_INDEX_LINES and between <= 0.7 * count:
            for k in range(i, stop):
                dropped[k] = dropped[k] or lines.chars[k] > 0
        i = stop


@njit(cache=True)
def verse_numbers(data: UInt8s, offsets: Int64s, lines: Lines) -> Int64s:
    """Return for each line where its verse number begins, its end where it has none.

    A verse number stands at the end of a line, is divisible by five and comes as many lines after the one before as
    it is larger (give or take two: editions number by their own count); four in a row make a series.
    """
    found = lines.ends.copy()
    for d in range(len(offsets) - 1):
        n = 0
        places = np.empty((offsets[d + 1] - offsets[d], 3), np.int64)  # line, its place among full lines, value
        full = 0
        for i in range(offsets[d], offsets[d + 1]):
            full += lines.chars[i] > 0
            if not 0 < lines.chars[i] <= MAX_LIST_LINE_CHARS:
                continue
            value, at = _trailing(data, lines.starts[i], lines.ends[i])
            if value >= 0:
                verse = value > 0 and value % 5 == 0 and at > lines.starts[i]
                places[n, 0], places[n, 1], places[n, 2] = i, full, value if verse else NO_VERSE
                n += 1
        at = 0
        while at < n:
            stop = at + 1
            while stop < n:
                step = places[stop, 2] - places[stop - 1, 2]
                far = abs(places[stop, 1] - places[stop - 1, 1] - step) > 2
                if places[stop - 1, 2] < 0 or step <= 0 or step > 20 or far:
                    break
                stop += 1
            if stop - at >= MIN_VERSE_NUMBERS:
                for k in range(at, stop):
                    i = places[k, 0]
                    _, begin = _trailing(data, lines.starts[i], lines.ends[i])
                    while data[begin - 1] == 32 or data[begin - 1] == 9:
                        begin -= 1
                    found[i] = begin
            at = stop
    return found
