"""Compare the packs that reproduce datatrove's filters with those filters: verdicts, reasons, texts, CPU seconds.

    python3 -m venv ~/peers/datatrove
    ~/peers/datatrove/bin/pip install "datatrove[io,processing]==0.10.1" spacy
    python tests/benchmarks/compare_packs_datatrove.py --input FOLDER --datatrove ~/peers/datatrove/bin/python

Takes the first documents of the folder's Parquet files that fastText's lid.176 calls English, and judges each with
gopher_repetition, gopher_quality, fineweb and c4 and with datatrove's filters (their defaults), each on the original
text. Prints for each pack the 2x2 table of kept and rejected, how many agree among the documents with a signal within
10 % of its bound, how many texts of c4 are the same, and every difference, by its pair of reasons. Then CPU seconds:
datatrove document by document through all four filters (so that they share its cache of words), corpusforge in a fresh
process, batches of 4 MB, after one short text for which kernels are compiled or loaded (timed apart).
--verdicts FILE keeps datatrove's verdicts for the next time. Exit code 1 if a verdict or a text differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
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
    "lorem_ipsum": "lorem_ipsum",
    "curly_bracket": "curly_bracket",
    "line_sentence_count_below_min": "too_few_sentences",
    "no_text_left": "too_few_sentences",
    "filled_line_count_below_min": "empty",
    "terminal_filled_line_fraction_below_min": "line_punct_ratio",
    "short_filled_line_fraction_above_max": "short_line_ratio",
    "duplicate_filled_line_char_fraction_above_max": "char_dup_ratio",
    "newline_to_word_ratio_above_max": "list_ratio",
}
PACKS = ("gopher_repetition", "gopher_quality", "fineweb", "c4")
BATCH_BYTES = 4 << 20  # of a run
NEAR = 0.1  # of a bound


def main() -> int:
    """Select, judge twice, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, help="folder of Parquet files with the columns id and text")
    parser.add_argument("--documents", type=int, default=3000, help="English documents to judge, in order")
    parser.add_argument("--datatrove", help="Python of an environment where datatrove 0.10.1 and spaCy are installed")
    parser.add_argument("--verdicts", type=Path, help="file in which datatrove's verdicts are kept")
    parser.add_argument("--theirs", type=Path, help=argparse.SUPPRESS)  # this script inside that environment
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)  # this script in a fresh process
    options = parser.parse_args()
    if options.theirs:
        print(json.dumps(judge_with_datatrove(json.loads(options.theirs.read_text(encoding="utf-8")))))
        return 0
    if options.ours:
        print(json.dumps(judge_with_packs(json.loads(options.ours.read_text(encoding="utf-8")))))
        return 0
    if not options.input or not options.datatrove:
        parser.error("--input and --datatrove are needed")

    ids, texts = english_documents(options.input, options.documents)
    size = sum(len(text.encode()) for text in texts)
    print(f"{len(texts)} English documents, {size / 1e6:.1f} MB of text")
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        if options.verdicts and options.verdicts.is_file():
            theirs = json.loads(options.verdicts.read_text(encoding="utf-8"))
        else:
            theirs = _run(options.datatrove, "--theirs", file.name)
            if options.verdicts:
                options.verdicts.write_text(json.dumps(theirs), encoding="utf-8")
        ours = _run(sys.executable, "--ours", file.name)
    differ = sum(report(pack, ids, ours, theirs) for pack in PACKS)
    differ += report_texts(ids, ours, theirs)
    print("\nCPU seconds   corpusforge   datatrove")
    for pack in PACKS:
        print(f"{pack:20}{ours['seconds'][pack]:8.3f}{theirs['seconds'][pack]:12.1f}")
    mine, their = sum(ours["seconds"].values()), sum(theirs["seconds"].values())
    print(f"{'together':20}{mine:8.3f}{their:12.1f}")
    print(f"MB per CPU second   {size / 1e6 / mine:8.1f}{size / 1e6 / their:12.3f}   ratio {their / mine:.0f}")
    print(f"compiling or loading kernels: {ours['compiling']:.1f} CPU seconds before the first text")
    return 1 if differ else 0


def _run(python: str, mode: str, texts: str) -> dict[str, Any]:
    done = subprocess.run([python, __file__, mode, texts], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


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
            if len(texts) == wanted:
                break
            column = batch.column("text").cast(pa.large_string())
            languages = kernel(pa.record_batch({"text": column})).column("language").to_pylist()
            for name, text, language in zip(*batch.to_pydict().values(), languages, strict=True):
                if language == "en" and len(texts) < wanted:
                    ids.append(name)
                    texts.append(text)
    return ids, texts


def judge_with_packs(texts: list[str]) -> dict[str, Any]:
    """Return reasons, texts, whether a signal is near a bound, and CPU seconds, all by pack."""
    import pyarrow as pa

    from corpusforge.engine.rows import rebatch
    from corpusforge.stages.quality.rules import Rules
    from corpusforge.text.memory import keep_freed_memory

    keep_freed_memory()
    start = time.process_time()
    kernels = {pack: Rules(pack=pack).open() for pack in PACKS}
    short = pa.record_batch({"text": pa.array(["Compile [1] **first:**\nTo be (and that)."], pa.large_string())})
    for kernel in kernels.values():
        kernel(short)
    found: dict[str, Any] = {"compiling": time.process_time() - start, "seconds": dict.fromkeys(PACKS, 0.0)}
    results: dict[str, list[pa.RecordBatch]] = {pack: [] for pack in PACKS}
    whole = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    for batch in rebatch(iter([whole]), BATCH_BYTES):
        for pack, kernel in kernels.items():
            start = time.process_time()
            result = kernel(batch)
            found["seconds"][pack] += time.process_time() - start
            results[pack].append(result)
    tables = {pack: pa.Table.from_batches([_rejectable(b) for b in batches]) for pack, batches in results.items()}
    found["reasons"] = {pack: table.column("rejected").to_pylist() for pack, table in tables.items()}
    found["near"] = {pack: near_a_bound(pack, table) for pack, table in tables.items()}
    found["texts"] = tables["c4"].column("text").to_pylist()
    return found


def _rejectable(batch: Any) -> Any:
    from corpusforge.stage import reject

    return reject(batch, [False] * batch.num_rows, "")


def near_a_bound(pack: str, table: Any) -> list[bool]:
    """Say which documents have a signal within NEAR of a bound of its rule."""
    import numpy as np

    from corpusforge import rules

    near = np.zeros(table.num_rows, bool)
    for rule in rules.load(pack).rules:
        values = table.column(f"signal.{rule.signal}").to_numpy()
        for bound in (rule.min, rule.max):
            if np.isfinite(bound):
                near |= np.abs(values - bound) <= NEAR * abs(bound)
    found: list[bool] = near.tolist()
    return found


def judge_with_datatrove(texts: list[str]) -> dict[str, Any]:
    """Return CPU seconds and reasons (null: kept) by pack, and the texts that C4 leaves."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )

    filters = (GopherRepetitionFilter(), GopherQualityFilter(), FineWebQualityFilter(), C4QualityFilter())
    for judge in filters:
        judge.filter(Document(text="Load the tokenizer first. " * 60, id=""))
    seconds = dict.fromkeys(PACKS, 0.0)
    reasons: dict[str, list[str | None]] = {pack: [] for pack in PACKS}
    edited = []
    for text in texts:
        for pack, judge in zip(PACKS, filters, strict=True):
            document = Document(text=text, id="")
            start = time.process_time()
            verdict = judge.filter(document)
            seconds[pack] += time.process_time() - start
            reasons[pack].append(verdict[1] if isinstance(verdict, tuple) else None)
        edited.append(document.text)
    return {"seconds": seconds, "reasons": reasons, "texts": edited}


def report(pack: str, ids: list[str], ours: dict[str, Any], theirs: dict[str, Any]) -> int:
    """Print the table and the differences; return how many verdicts differ."""
    mine, their, near = ours["reasons"][pack], theirs["reasons"][pack], ours["near"][pack]
    table = Counter((a is None, b is None) for a, b in zip(mine, their, strict=True))
    print(f"\n{pack:20}datatrove kept  datatrove rejected")
    print(f"kept     {table[True, True]:26}{table[True, False]:20}")
    print(f"rejected {table[False, True]:26}{table[False, False]:20}")
    agree = [(a is None) == (b is None) for a, b in zip(mine, their, strict=True)]
    close = [same for same, close in zip(agree, near, strict=True) if close]
    print(
        f"agree on {sum(agree)} of {len(ids)} ({sum(agree) / len(ids):.2%}); near a bound {sum(close)} of {len(close)}"
    )
    pairs: dict[tuple[str | None, str | None], list[str]] = {}
    for name, a, b in zip(ids, mine, their, strict=True):
        if (REASONS[a] if a else None) != b:
            pairs.setdefault((a, b), []).append(name)
    for (a, b), names in sorted(pairs.items(), key=lambda pair: -len(pair[1])):
        print(f"  corpusforge {a}, datatrove {b}: {len(names)}")
        for name in names:
            print(f"    {name}")
    return len(ids) - sum(agree)


def report_texts(ids: list[str], ours: dict[str, Any], theirs: dict[str, Any]) -> int:
    """Print how many texts of c4 are the same among those that both keep, and the others; return how many are."""
    reasons = zip(ours["reasons"]["c4"], theirs["reasons"]["c4"], strict=True)
    both = [i for i, (a, b) in enumerate(reasons) if a is None and b is None]
    other = [i for i in both if ours["texts"][i] != theirs["texts"][i]]
    print(f"\nc4: {len(both) - len(other)} of {len(both)} texts that both keep are the same")
    for i in other:
        a, b = ours["texts"][i], theirs["texts"][i]
        at = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        print(f"  {ids[i]}: at {at}: {a[at : at + 30]!r}, datatrove {b[at : at + 30]!r}")
    return len(other)


if __name__ == "__main__":
    sys.exit(main())
