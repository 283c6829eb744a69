"""What read.code promises: every text file once, with its licence and language; damage costs only what it hit."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard

from corpusforge.source import Found, Record, Skipped, Split, Unreadable
from corpusforge.stages.read import archive_members, bounded
from corpusforge.stages.read.code import Code, extension
from corpusforge.stages.read.licences import FolderLicences, recognise, tagged
from corpusforge.stages.read.programming_language import programming_language

MIT = """Copyright (c) 2024 Nobody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction. The above copyright notice and this
permission notice shall be included in all copies."""
BSD = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that"
ZLIB = "Altered source versions must be plainly marked as such, and must not be misrepresented."
FILES: Mapping[str, bytes] = {
    "p/src/a.py": b"print('a')\n",
    "p/src/b.cc": "// Gr\u00fc\u00dfe\nint b;\n".encode("latin-1"),
    "p/src/vendor/c.js": b"// SPDX-License-Identifier: Apache-2.0 OR MIT\n",
    "p/src/vendor/LICENSE.txt": ZLIB.encode(),
    "p/logo.png": b"\x89PNG\r\n\x1a\n\0\0\0",
    "p/large.txt": b"x" * 5000,
    "p/LICENSE": MIT.encode(),
}


def read(path: Path, **options: object) -> list[Found]:
    split = Split("code", str(path), path.name, 0, path.stat().st_size, path.stat().st_size, 1)
    return list(Code(paths=(str(path),), **options).read(split))


def documents(found: list[Found]) -> dict[str, Record]:
    return {r.origin: r for r in found if isinstance(r, Record)}


def tar(files: Mapping[str, bytes] = FILES) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes] = FILES) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def stored(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def as_folder(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    for name, data in files.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "tree"


PACKED: Mapping[str, Callable[[Path], Path]] = {
    "tar": lambda folder: stored(folder, "x", tar()),
    "gz": lambda folder: stored(folder, "x", gzip.compress(tar())),
    "bz2": lambda folder: stored(folder, "x", bz2.compress(tar())),
    "xz": lambda folder: stored(folder, "x", lzma.compress(tar())),
    "zst": lambda folder: stored(folder, "x", zstandard.ZstdCompressor().compress(tar())),
    "zip": lambda folder: stored(folder, "x", zipped()),
    "folder": as_folder,
}


@pytest.mark.parametrize("kind", PACKED)
def test_every_kind_of_tree_gives_the_same_documents(tmp_path: Path, kind: str) -> None:
    found = read(PACKED[kind](tmp_path), max_file_bytes=4000)
    by_origin = documents(found)
    assert set(by_origin) == set(FILES) - {"p/logo.png", "p/large.txt"}
    assert {o: r.license for o, r in by_origin.items()} == {
        "p/src/a.py": "MIT",  # the LICENSE comes after it in the stream
        "p/src/b.cc": "MIT",
        "p/src/vendor/c.js": "Apache-2.0 OR MIT",
        "p/src/vendor/LICENSE.txt": "Zlib",
        "p/LICENSE": "MIT",
    }
    assert by_origin["p/src/b.cc"].text == "// Gr\u00fc\u00dfe\nint b;\n"
    assert by_origin["p/src/b.cc"].metadata == {"programming_language": "C++", "encoding": "cp1252"}
    assert all(r.path == o and r.language is None for o, r in by_origin.items())
    skipped = Counter(r.type for r in found if isinstance(r, Skipped))
    assert skipped["binary_file"] == 1 and skipped["file_too_large"] == 1


def test_links_devices_and_version_control_are_skipped(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (
            ("d", tarfile.DIRTYPE),
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("f", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("x/.git/config"))
    found = read(stored(tmp_path, "x.tar", buffer.getvalue()))
    assert [r.type for r in found if isinstance(r, Skipped)] == [
        "directory",
        "link",
        "link",
        "device",
        "version_control",
    ]
    assert len(found) == 5


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    stored(tmp_path, "secret.py", b"1")
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    stored(tmp_path / "tree" / ".git", "config", b"x")
    os.symlink(tmp_path / "secret.py", tmp_path / "tree" / "link.py")
    assert [r.type for r in read(tmp_path / "tree") if isinstance(r, Skipped)] == ["version_control", "link"]
    assert documents(read(tmp_path / "tree")) == {}


def test_a_name_that_leads_out_or_comes_twice_is_only_a_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("../../up.py", "/abs.py", "a.py", "a.py"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"1"))
        odd = tarfile.TarInfo("latin\udce9.py")
        archive.addfile(odd)
    origins = list(documents(read(stored(tmp_path, "x.tar", buffer.getvalue()))))
    assert origins == ["../../up.py", "/abs.py", "a.py", "a.py@2", "latin\\xe9.py"]
    assert os.listdir(tmp_path) == ["x.tar"]


def many(count: int = 40) -> dict[str, bytes]:
    return {f"p/{i:02d}.py": f"x = {i}\n".encode() * 300 for i in range(count)}


@pytest.mark.parametrize("pack", [tar, zipped, lambda files: gzip.compress(tar(files))])
def test_a_cut_archive_gives_its_good_members_then_one_unreadable(
    tmp_path: Path, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    data = pack(many())
    found = read(stored(tmp_path, "x", data[: len(data) // 2]))
    good = documents(found)
    assert 5 <= len(good) < 40
    assert all(r.text == many()[o].decode() for o, r in good.items())
    assert [type(r) for r in found].count(Unreadable) == 1 and isinstance(found[-1], Unreadable)


def test_a_damaged_tar_header_is_not_the_quiet_end_of_the_archive(tmp_path: Path) -> None:
    data = bytearray(tar(many()))
    data[data.index(b"p/20.py")] ^= 0xFF
    found = read(stored(tmp_path, "x.tar", bytes(data)))
    assert len(documents(found)) == 20
    assert isinstance(found[-1], Unreadable) and "header" in found[-1].error


def test_a_damaged_zip_member_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(zipped(many()))
    data[data.index(b"p/20.py") + 12] ^= 0xFF
    found = read(stored(tmp_path, "x.zip", bytes(data)))
    assert len(documents(found)) == 39
    assert [r.origin for r in found if isinstance(r, Unreadable)] == ["p/20.py"]


@pytest.mark.parametrize("pack", [zipped, lambda files: gzip.compress(tar(files))])
def test_an_archive_that_swells_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    for module in (bounded, archive_members):
        monkeypatch.setattr(module, "FREE_BYTES", 1 << 20)
        monkeypatch.setattr(module, "MAX_RATIO", 50)
    path = stored(tmp_path, "x", pack({f"{i}.txt": b"a" * 1_000_000 for i in range(30)}))
    found = read(path)
    assert isinstance(found[-1], Unreadable) and "over" in found[-1].error
    assert len(documents(found)) < 20


def test_a_huge_tar_header_extension_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 4 << 20
    (found,) = read(stored(tmp_path, "x.tar", info.tobuf(tarfile.USTAR_FORMAT) + bytes(4 << 20)))
    assert isinstance(found, Unreadable) and "extension" in found.error


def test_a_file_that_is_no_archive_is_one_document_or_unreadable(tmp_path: Path) -> None:
    (found,) = read(stored(tmp_path, "a.py", b"x = 1\n"))
    assert isinstance(found, Record) and (found.origin, found.path, found.text) == ("0", "a.py", "x = 1\n")
    (damaged,) = read(stored(tmp_path, "a.tar.gz", b"\0\1\2" * 100))
    assert isinstance(damaged, Unreadable)


def test_a_replacement_character_in_utf8_source_is_text(tmp_path: Path) -> None:
    (found,) = read(stored(tmp_path, "a.py", 'x = "\ufffd"\n'.encode()))
    assert isinstance(found, Record) and found.text == 'x = "\ufffd"\n'


def test_a_large_text_alone_is_skipped_like_one_in_an_archive(tmp_path: Path) -> None:
    assert read(stored(tmp_path, "a.txt", b"x" * 101), max_file_bytes=100) == [Skipped("file_too_large")]


def test_an_empty_archive_has_no_documents(tmp_path: Path) -> None:
    assert read(stored(tmp_path, "a.tar", tar({}))) == []
    assert read(stored(tmp_path, "a.zip", zipped({}))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, "MIT"),
        (BSD, "BSD-2-Clause"),
        (BSD + " neither the name of the author", "BSD-3-Clause"),
        ("                    GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n", "GPL-3.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999", "LGPL-2.1-only"),
        ("Mozilla Public License Version 2.0\n... GNU General Public License, Version 2.0", "MPL-2.0"),
        ("You may do as you like.", None),
    ],
)
def test_common_licence_texts_are_recognised(text: str, expected: str | None) -> None:
    assert recognise(text) == expected


def test_a_tag_that_is_no_spdx_expression_is_ignored() -> None:
    assert tagged("# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n") == "Apache-2.0 WITH LLVM-exception"
    assert tagged("/* SPDX-License-Identifier: GPL-2.0-or-later */") == "GPL-2.0-or-later"
    assert tagged("# SPDX-License-Identifier: My-Own-1.0\n") is None


def test_licences_one_may_choose_from_are_joined_by_or() -> None:
    licences = FolderLicences()
    licences.add("a/LICENSE-MIT", MIT)
    licences.add("a/LICENSE-APACHE", "Apache License\nVersion 2.0, January 2004")
    assert licences.of("a/b/c/d.rs") == "Apache-2.0 OR MIT"
    assert licences.of("e.rs") is None


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("Makefile", "", "Makefile"),
        ("a/x.tsx", "", "TypeScript"),
        ("run", "#!/usr/bin/env python3\n", "Python"),
        ("run", "#!/bin/sh -e\n", "Shell"),
        ("x.h", "#include <a.h>\n", "C"),
        ("x.h", "namespace a {}\n", "C++"),
        ("x.unknown", "", None),
    ],
)
def test_the_programming_language_is_named(path: str, text: str, expected: str | None) -> None:
    assert programming_language(path, text) == expected


@pytest.mark.parametrize(("name", "count", "licence"), [("jq-1.6", 162, "MIT"), ("leveldb-1.23", 152, "BSD-3-Clause")])
def test_real_source_archives_are_read_whole(
    shared: Callable[[str], Path], name: str, count: int, licence: str
) -> None:
    found = read(shared(f"code/repo-dumps/{name}.tar.gz"))
    assert not [r for r in found if isinstance(r, Unreadable)]
    assert Counter(r.license for r in found if isinstance(r, Record)) == {licence: count}


def test_the_extension_is_in_small_letters_and_the_name_where_there_is_none() -> None:
    names = {"a/b.tar/Main.PY": "py", "Makefile": "makefile", "x/.gitignore": "gitignore", "a.b.c++": "c++", "x.": ""}
    assert {name: extension(name) for name in names} == names
