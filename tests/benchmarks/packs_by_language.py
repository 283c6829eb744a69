"""Print what share of documents each rule pack keeps, language by language, and which rule loses a language wholesale.

    python tests/benchmarks/packs_by_language.py LABELLED.parquet [--bulk FOLDER] [--languages de,fr,...] [--packs ...]

LABELLED has columns text, lang and source: short lines, of which documents are made source by source (paragraphs of
five lines, eight paragraphs to a document). Documents of the parquet files in --bulk (column text) are taken as they
are; their language is what quality.language says. The column `language`, from which packs take bounds, is written by
quality.language for all of them. "Wholesale": of four documents or more, less than a tenth is kept.
"""

import argparse
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge import rules
from corpusforge.errors import RecipeError
from corpusforge.registry import shipped
from corpusforge.stages.quality.language import Language
from corpusforge.stages.quality.rules import Rules
from corpusforge.testing import docs, reasons, run_stage

LINES, PARAGRAPHS = 5, 8
LANGUAGES = (
    "en de fr es it pt nl sv nb pl cs ru uk bg el tr fi hu eu ar he fa hi bn ta th km my lo ja zh ko vi id sw yo ka hy"
)


def main() -> None:
    """Print a table of languages by packs, then what is lost wholesale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--bulk", type=Path, help="folder of parquet files with whole documents")
    parser.add_argument("--bulk-rows", type=int, default=3000)
    parser.add_argument("--languages", default=",".join(LANGUAGES.split()), help="of LABELLED; empty: all")
    parser.add_argument("--packs", default="", help="empty: all that are shipped")
    given = parser.parse_args()
    texts, groups = _of_lines(given.labelled, [x for x in given.languages.split(",") if x])
    batch = docs(*texts, lang=pa.array(groups, pa.string()))
    _print("documents made of labelled lines", run_stage(Language(), batch), given.packs)
    if given.bulk:
        column = pa.concat_tables([pq.read_table(f, columns=["text"]) for f in sorted(given.bulk.glob("*.parquet"))])
        batch = run_stage(Language(), docs(*column["text"].to_pylist()[:: max(1, len(column) // given.bulk_rows)]))
        index = batch.schema.get_field_index("language")
        batch = batch.append_column("lang", batch.column(index))
        _print("whole documents, language as found", batch, given.packs)


def _of_lines(path: Path, languages: list[str]) -> tuple[list[str], list[str]]:
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in pq.read_table(path).to_pylist():
        if not languages or row["lang"] in languages:
            lines[row["lang"], row["source"]].append(row["text"])
    texts, groups = [], []
    for (language, _), found in sorted(lines.items()):
        space = "" if language in ("zh", "ja", "th", "km", "lo", "my") else " "
        paragraphs = [space.join(found[i : i + LINES]) for i in range(0, len(found), LINES)]
        for i in range(0, len(paragraphs) - PARAGRAPHS // 2, PARAGRAPHS):
            texts.append("\n".join(paragraphs[i : i + PARAGRAPHS]))
            groups.append(language)
    return texts, groups


def _packs(wanted: str) -> list[str]:
    names = [x for x in wanted.split(",") if x] or sorted(p.stem for p in shipped("filters").glob("*.yaml"))
    found = []
    for name in names:
        try:
            rules.load(name)
        except RecipeError:
            continue  # a file of another kind, such as pii.yaml
        found.append(name)
    return found


def _print(title: str, batch: pa.RecordBatch, wanted: str) -> None:
    groups = [group or "none" for group in batch["lang"].to_pylist()]
    sizes = Counter(groups)
    order = sorted((g for g in sizes if sizes[g] >= 4), key=lambda g: (-sizes[g], g))
    packs = _packs(wanted)
    outcome = {name: reasons(run_stage(Rules(pack=name), batch)) for name in packs}
    print(f"\n{title}: {len(groups)} in {len(sizes)} languages; per cent kept")
    for i, name in enumerate(packs):
        print(f"  {chr(97 + i)} {name}")
    print(f"{'':8}{'docs':>5} " + "".join(f"{chr(97 + i):>4}" for i in range(len(packs))))
    lost: dict[str, list[str]] = defaultdict(list)
    for group in order:
        cells = []
        for name in packs:
            found = [r for r, g in zip(outcome[name], groups, strict=True) if g == group]
            kept = found.count(None)
            cells.append(f"{100 * kept // len(found):>4}")
            if kept < len(found) / 10:
                reason, count = Counter(r for r in found if r).most_common(1)[0]
                lost[name].append(f"{group} ({reason} {count}/{len(found)})")
        print(f"{group:8}{sizes[group]:>5} " + "".join(cells))
    print("lost wholesale:" if lost else "no language is lost wholesale")
    for name, entries in lost.items():
        print(f"  {name}: {', '.join(entries)}")


if __name__ == "__main__":
    main()
