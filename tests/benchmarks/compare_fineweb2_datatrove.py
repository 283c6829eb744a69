"""Compare the pack fineweb2 with datatrove's filters, which cut each language with a tokenizer of its own.

    python3 -m venv ~/peers/datatrove
    ~/peers/datatrove/bin/pip install "datatrove[io,processing]==0.10.1" spacy
    python tests/benchmarks/compare_fineweb2_datatrove.py FOLDER --datatrove ~/peers/datatrove/bin/python

Takes the documents of the folder's Parquet files (column text) in languages of the pack's table, as quality.language
says, judges them with the pack and with datatrove's three filters as FineWeb-2's script sets them up, without stop
words, and prints for each language how many decisions agree. Languages for which datatrove lacks a tokenizer in that
environment are counted apart. Tokenizers are datatrove's assignment to the language and its script.
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any


def main() -> None:
    """Judge twice and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--datatrove", help="Python of an environment with datatrove 0.10.1 and spaCy")
    parser.add_argument("--languages", default="", help="codes of the pack's table; empty: all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--theirs", type=Path, help=argparse.SUPPRESS)  # this script inside that environment
    given = parser.parse_args()
    if given.theirs:
        print(json.dumps(_judge_with_datatrove(json.loads(given.theirs.read_text(encoding="utf-8")))))
        return
    job = _judge_with_pack(given.folder, [x for x in given.languages.split(",") if x], given.rows)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        json.dump(job, file)
        file.flush()
        run = subprocess.run([given.datatrove, __file__, "--theirs", file.name], stdout=subprocess.PIPE, check=True)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, language, ours), theirs in zip(job["documents"], json.loads(run.stdout), strict=True):
        same = "not judged" if theirs is None else f"{'kept' if ours is None else 'rejected'} by the pack, "
        if theirs is not None:
            same += f"{'kept' if theirs else 'rejected'} by datatrove"
        table[language][same] += 1
    agreed = total = 0
    for language, counts in sorted(table.items(), key=lambda item: -item[1].total()):
        equal = counts["kept by the pack, kept by datatrove"] + counts["rejected by the pack, rejected by datatrove"]
        judged = counts.total() - counts["not judged"]
        agreed, total = agreed + equal, total + judged
        print(f"{language:4} {equal:>5} of {judged:>5} agree  {dict(counts)}")
    print(f"{agreed} of {total} agree: {100 * agreed / max(1, total):.2f} %")


def _judge_with_pack(folder: Path, languages: list[str], rows: int) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from corpusforge import rules
    from corpusforge.stages.quality.language import Language
    from corpusforge.stages.quality.rules import Rules
    from corpusforge.testing import docs, reasons, run_stage

    pack = rules.load("fineweb2")
    codes = dict(re.findall(r'^  "?([a-z]+)"?: \{  # (\w+)$', pack.path.read_text(encoding="utf-8"), re.MULTILINE))
    column = pa.concat_tables([pq.read_table(f, columns=["text"]) for f in sorted(folder.glob("*.parquet"))])["text"]
    batch = run_stage(Language(), docs(*column.to_pylist()[:rows]))
    wanted = [i for i, code in enumerate(batch["language"].to_pylist()) if code in (languages or codes)]
    batch = batch.take(pa.array(wanted, pa.int64()))
    found = batch["text"].to_pylist(), batch["language"].to_pylist(), reasons(run_stage(Rules(pack="fineweb2"), batch))
    return {"codes": codes, "bounds": pack.table, "documents": list(zip(*found, strict=True))}


def _judge_with_datatrove(job: dict[str, Any]) -> list[bool | None]:
    from datatrove.data import Document
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    filters: dict[str, list[Any]] = {}
    decisions: list[bool | None] = []
    for text, code, _ in job["documents"]:
        language, bounds = job["codes"][code], job["bounds"][code]
        if "mean_word_length.min" not in bounds:  # the pack leaves words alone
            decisions.append(None)
            continue
        if code not in filters:
            filters[code] = [
                GopherRepetitionFilter(
                    language=language,
                    dup_para_frac=0,
                    dup_line_char_frac=0,
                    dup_para_char_frac=0,
                    dup_line_frac=bounds["duplicate_line_fraction.max"],
                    top_n_grams=[(n, bounds[f"top_{n}gram_char_fraction.max"]) for n in (2, 3, 4)],
                    dup_n_grams=[(n, bounds[f"duplicate_{n}gram_char_fraction.max"]) for n in range(5, 11)],
                ),
                FineWebQualityFilter(
                    language=language,
                    short_line_thr=999,
                    char_duplicates_ratio=0.1,
                    line_punct_thr=bounds["terminal_filled_line_fraction.min"],
                    new_line_ratio=bounds["newline_to_word_ratio.max"],
                ),
                GopherQualityFilter(
                    language=language,
                    min_avg_word_length=bounds["mean_word_length.min"],
                    max_avg_word_length=bounds["mean_word_length.max"],
                    max_non_alpha_words_ratio=bounds["alphabetic_word_fraction.min"],
                    min_stop_words=0,
                ),
            ]
        try:
            decisions.append(all(one.filter(Document(text=text, id="")) is True for one in filters[code]))
        except ImportError:  # the tokenizer of this language is not installed
            decisions.append(None)
    return decisions


if __name__ == "__main__":
    main()
