"""Compare the Gopher packs with datatrove's Gopher filters, document by document.

    python3 -m venv ~/peers/datatrove
    ~/peers/datatrove/bin/pip install "datatrove[io,processing]==0.10.1" spacy
    python tests/benchmarks/compare_gopher_datatrove.py --input FOLDER --datatrove ~/peers/datatrove/bin/python

Takes the first documents of the folder's Parquet files that fastText's lid.176 calls English, judges each with the
packs and with datatrove's filters (their defaults), and prints for each pack the 2x2 table of kept and rejected and
every document whose verdict or reason differs. Exit code 1 if a verdict differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# datatrove's reasons by the pack's; the order of the checks is the same.
REASONS = {
    "word_count_below_min": "gopher_short_doc",
    "word_count_above_max": "gopher_long_doc",
    "mean_word_length_below_min": "gopher_below_avg_threshold",
    "mean_word_length_above_max": "gopher_above_avg_threshold",
    "hash_to_word_ratio_above_max": "gopher_too_many_hashes",
    "ellipsis_to_word_ratio_above_max": "gopher_too_many_ellipsis",
    "bullet_line_fraction_above_max": "gopher_too_many_bullets",
    "ellipsis_line_fraction_above_max": "gopher_too_many_end_ellipsis",
    "alphabetic_word_fraction_below_min": "gopher_below_alpha_threshold",
    "stop_word_count_below_min": "gopher_enough_stop_words",
    "duplicate_paragraph_fraction_above_max": "dup_para_frac",
    "duplicate_paragraph_char_fraction_above_max": "dup_para_char_frac",
    "duplicate_line_fraction_above_max": "dup_line_frac",
    "duplicate_line_char_fraction_above_max": "dup_line_char_frac",
    **{f"top_{n}gram_char_fraction_above_max": f"top_{n}_gram" for n in range(2, 5)},
    **{f"duplicate_{n}gram_char_fraction_above_max": f"duplicated_{n}_n_grams" for n in range(5, 11)},
}
PACKS = ("gopher_quality", "gopher_repetition")


def main() -> int:
    """Select, judge twice, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, help="folder of Parquet files with the columns id and text")
    parser.add_argument("--documents", type=int, default=1000, help="English documents to judge, in order")
    parser.add_argument("--datatrove", help="Python of an environment where datatrove 0.10.1 and spaCy are installed")
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)  # this script inside that environment
    options = parser.parse_args()
    if options.judge:
        print(json.dumps(judge_with_datatrove(json.loads(options.judge.read_text(encoding="utf-8")))))
        return 0
    if not options.input or not options.datatrove:
        parser.error("--input and --datatrove are needed")

    ids, texts = english_documents(options.input, options.documents)
    size = sum(len(text.encode()) for text in texts)
    print(f"{len(texts)} English documents, {size / 1e6:.1f} MB of text")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        command = [options.datatrove, __file__, "--judge", file.name]
        theirs = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    differ = 0
    for pack in PACKS:
        seconds, verdicts = judge_with_pack(pack, texts)
        differ += report(pack, ids, verdicts, theirs[pack]["reasons"])
        print(f"CPU seconds: corpusforge {seconds:.2f}, datatrove {theirs[pack]['seconds']:.2f}")
    return 1 if differ else 0


def english_documents(folder: Path, wanted: int) -> tuple[list[str], list[str]]:
    """Return ids and texts of the first `wanted` English documents."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from corpusforge.stages.quality.language import Language

    kernel = Language().open()
    ids: list[str] = []
    texts: list[str] = []
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(1000, columns=["id", "text"]):
            column = batch.column("text").cast(pa.large_string())
            languages = kernel(pa.record_batch({"text": column})).column("language").to_pylist()
            for name, text, language in zip(*batch.to_pydict().values(), languages, strict=True):
                if language == "en" and len(texts) < wanted:
                    ids.append(name)
                    texts.append(text)
    return ids, texts


def judge_with_pack(pack: str, texts: list[str]) -> tuple[float, list[str | None]]:
    """Return CPU seconds and, for each text, the reason of its rejection."""
    import pyarrow as pa

    from corpusforge.stages.quality.rules import Rules

    kernel = Rules(pack=pack).open()
    kernel(pa.record_batch({"text": pa.array(["Compile first."], pa.large_string())}))
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    start = time.process_time()
    batch = kernel(batch)
    seconds = time.process_time() - start
    return seconds, batch.column("rejected").to_pylist()


def judge_with_datatrove(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Return, for each pack, CPU seconds and datatrove's reason for each text (null: kept)."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

    found: dict[str, dict[str, Any]] = {}
    for pack, judge in zip(PACKS, (GopherQualityFilter(), GopherRepetitionFilter()), strict=True):
        judge.filter(Document(text="Load the tokenizer first.", id=""))
        start = time.process_time()
        verdicts = [judge.filter(Document(text=text, id="")) for text in texts]
        found[pack] = {
            "seconds": time.process_time() - start,
            "reasons": [verdict[1] if isinstance(verdict, tuple) else None for verdict in verdicts],
        }
    return found


def report(pack: str, ids: list[str], ours: list[str | None], theirs: list[str | None]) -> int:
    """Print the table and the differences; return how many verdicts differ."""
    table = {(a, b): 0 for a in (True, False) for b in (True, False)}
    other_reason = 0
    for mine, their in zip(ours, theirs, strict=True):
        table[mine is None, their is None] += 1
        other_reason += None not in (mine, their) and REASONS[str(mine)] != their
    print(f"\n{pack:20}datatrove kept  datatrove rejected")
    print(f"kept     {table[True, True]:26}{table[True, False]:20}")
    print(f"rejected {table[False, True]:26}{table[False, False]:20}")
    agree = table[True, True] + table[False, False]
    print(f"agree on {agree} of {len(ids)}; rejected by both for another reason: {other_reason}")
    for name, mine, their in zip(ids, ours, theirs, strict=True):
        if (REASONS[mine] if mine else None) != their:
            print(f"  {name}: corpusforge {mine}, datatrove {their}")
    return len(ids) - agree


if __name__ == "__main__":
    sys.exit(main())
