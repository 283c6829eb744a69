"""Compare privacy.pii with datatrove, dolma and presidio's pattern recognizers: the same texts, the same scoring.

    python3 -m venv ~/peers/presidio && ~/peers/presidio/bin/pip install presidio-analyzer pyarrow
    python3 -m venv ~/peers/datatrove && ~/peers/datatrove/bin/pip install "datatrove[io,processing]" pyarrow
    python3 -m venv ~/peers/dolma && ~/peers/dolma/bin/pip install "dolma[pii]" pyarrow
    python tests/benchmarks/compare_pii.py [--peers ~/peers] [--half dev|held|all] [--data ../shared/data]

Texts: the labelled ones of DATA/pii and the generated ones of generate_pii.py, by halves. A peer runs in its own
environment with this same file (`--inside`). datatrove: the patterns and the validator of PIIFormatter; dolma:
pii_regex_v2 with its postprocessing; presidio: AnalyzerEngine with a blank spaCy pipeline and the recognizers that are
patterns. presidio gives scores: the threshold is the one that is best for it on these very texts, type by type.
dolma's spans contain what stands around a value, so that only the lenient figures speak of it (labelled_pii.py).
Speed: CPU seconds over DATA/bulk, each document once, after one short text; presidio takes the first megabyte only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEERS = ("datatrove", "dolma", "presidio")
NAMES = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip", "CREDIT_CARD": "card", "IBAN_CODE": "iban",
    "US_SSN": "ssn", "MAC_ADDRESS": "mac", "ES_NIF": "es_dni", "ES_NIE": "es_dni",
    "IT_FISCAL_CODE": "it_codice_fiscale", "PL_PESEL": "pl_pesel", "UK_NHS": "gb_nhs",
}  # fmt: skip
PRESIDIO_BYTES = 1_000_000


def _datatrove() -> Any:
    from datatrove.pipeline.formatters import PIIFormatter

    one = PIIFormatter()

    def find(text: str) -> list[tuple[int, int, str, float]]:
        found = [(*m.span(), "email", 1.0) for m in one.emails_replacer.regex.finditer(text)]
        valid = one.ip_replacer.validator
        return found + [(*m.span(), "ip", 1.0) for m in one.ip_replacer.regex.finditer(text) if valid(m[0])]

    return find, one.format


def _dolma() -> Any:
    from dolma.core.data_types import Document
    from dolma.taggers.pii import PiiRegexV2

    one = PiiRegexV2()

    def find(text: str) -> list[tuple[int, int, str, float]]:
        spans = one.predict(Document(source="", version="", id="", text=text)).spans
        return [(s.start, s.end, NAMES[s.type], 1.0) for s in spans if s.type in NAMES]

    return find, find


def _presidio() -> Any:
    import presidio_analyzer.predefined_recognizers as known
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}
            self.nlp["en"].max_length = 100_000_000

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # the list in the package, not a download

    names = ("EmailRecognizer", "CreditCardRecognizer", "IbanRecognizer", "IpRecognizer", "PhoneRecognizer",
             "UsSsnRecognizer", "MacAddressRecognizer", "EsNifRecognizer", "EsNieRecognizer", "ItFiscalCodeRecognizer",
             "PlPeselRecognizer", "NhsRecognizer")  # fmt: skip
    registry = RecognizerRegistry()
    for name in names:
        if hasattr(known, name):
            registry.add_recognizer(getattr(known, name)(supported_language="en"))
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def find(text: str) -> list[tuple[int, int, str, float]]:
        results = engine.analyze(text=text, language="en")
        return [(r.start, r.end, NAMES[r.entity_type], r.score) for r in results if r.entity_type in NAMES]

    return find, find


def inside(peer: str, folder: Path) -> None:
    """Run in the peer's environment: texts.json -> spans.json, and the speed over bulk.json."""
    find, whole = {"datatrove": _datatrove, "dolma": _dolma, "presidio": _presidio}[peer]()
    texts = json.loads((folder / "texts.json").read_text())
    spans = [find(text) for text in texts]
    bulk = json.loads((folder / "bulk.json").read_text())
    size, start = 0, time.process_time()
    for text in bulk:
        whole(text)
        size += len(text.encode())
        if peer == "presidio" and size > PRESIDIO_BYTES:
            break
    speed = size / 1e6 / (time.process_time() - start)
    (folder / "spans.json").write_text(json.dumps({"spans": spans, "speed": speed, "megabytes": size / 1e6}))


def _best(texts: list[Any], spans: list[list[Any]], types: list[str]) -> dict[str, Any]:
    """Return the score of each type at the threshold that is best for it."""
    from labelled_pii import score

    best: dict[str, Any] = {}
    for threshold in (0.0, 0.2, 0.35, 0.5, 0.8):
        mine = [[(a, b, kind) for a, b, kind, sure in found if sure >= threshold] for found in spans]
        for name, s in score(texts, mine, types).items():
            if name not in best or s.lenient[2] > best[name].lenient[2]:
                best[name] = s
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path.home() / "peers")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--only", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--texts", type=int, default=3000, help="generated texts")
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        inside(arguments.inside[0], Path(arguments.inside[1]))
        return
    import pyarrow.parquet as pq
    from generate_pii import generate
    from labelled_pii import half, read, score
    from measure_pii import found_in, speed

    sets = [
        (f"{path.stem} ({arguments.half})", half(read(path), arguments.half), None)
        for path in sorted((arguments.data / "pii").glob("*.parquet"))
    ]
    for which in ("dev", "held") if arguments.half == "all" else (arguments.half,):
        sets.append((f"generated ({which})", *generate(arguments.data, which, arguments.texts)))
    bulk = sorted((arguments.data / "bulk").glob("*.parquet"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps([t.text for _, texts, _ in sets for t in texts]))
        (folder / "bulk.json").write_text(json.dumps([t for p in bulk for t in pq.read_table(p)["text"].to_pylist()]))
        answers = {}
        for peer in arguments.only:
            python = arguments.peers / peer / "bin" / "python"
            subprocess.run([python, __file__, "--inside", peer, str(folder)], check=True)
            answers[peer] = json.loads((folder / "spans.json").read_text())
    at = 0
    for title, texts, languages in sets:
        types = sorted({kind for t in texts for _, _, kind in t.places})
        ours = score(texts, found_in(texts, languages), types)
        columns: dict[str, dict[str, Any]] = {"corpusforge": ours}
        for peer, answer in answers.items():
            columns[peer] = _best(texts, answer["spans"][at : at + len(texts)], types)
        at += len(texts)
        print(f"\n{title}: F1, lenient / strict\n{'type':18}{'labelled':>9}" + "".join(f"{c:>16}" for c in columns))
        for kind in types:
            cells = [
                f"{s[kind].lenient[2]:.3f} / {s[kind].strict[2]:.3f}" if s[kind].found else "-"
                for s in columns.values()
            ]
            print(f"{kind:18}{ours[kind].labelled:9}" + "".join(f"{cell:>16}" for cell in cells))
    speed(bulk)
    for peer, answer in answers.items():
        print(f"{peer}: {answer['megabytes']:.1f} MB, {answer['speed']:.2f} MB per CPU second")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
