"""dedup.against: texts that an earlier corpus has already."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from corpusforge.errors import OutputError
from corpusforge.stage import Example, Kernel, Stage, kept, reject

if TYPE_CHECKING:
    from corpusforge.stages.dedup.corpus_index import CorpusIndex


class Against(Stage):
    """Reject documents whose text is nearly that of a document of an earlier corpus.

    The index of a finished run (`corpusforge index OUTPUT INDEX`, which also extends one) holds the band keys and the
    n-grams of every kept document. A document goes if and only if its similarity to one of these that shares a band key
    with it is at least `verify`; in each band only the first `max_keepers` documents of the index are consulted, in
    rank order (parts in the order in which they were added; in a part, longest first, then doc_id), and the
    best-ranked match is recorded. So every removed text was compared with one that the earlier corpus keeps. n-grams,
    bands and rows are those of the index; see `dedup.minhash` for what they mean. A document without words (null,
    empty, punctuation) takes no part. Needs no exchange: workers map the index, so it must be at one path for all.

    An incremental crawl: run it with this stage, then dedup.minhash among its own documents, then extend the index by
    its output. Texts are compared as the earlier run wrote them (with personal data masked, if it masked any).

        - dedup.against: {index: /corpora/index}

    Reads: text.   Writes: nothing.
    Rejects: known_near_duplicate (value: similarity, 0..1; detail: doc_id in the earlier corpus).
    Cost: 0.027 CPU s per MB with the words, which other stages share (measured, one core, 27 MB against 30);
    the index takes 1.3 bytes for each byte of the earlier text and 0.04 CPU s per MB to make.
    Errors: RecipeError when there is no index, or a file of it is missing or has another size.
    Source: Broder 1997; as dedup.minhash.
    """

    reasons: ClassVar[tuple[str, ...]] = ("known_near_duplicate",)

    index: str
    verify: float = Field(0.8, ge=0, le=1)  # least similarity of a text that goes
    similarity: Literal["jaccard", "containment"] = "jaccard"
    max_keepers: int = Field(16, ge=1)  # documents of the index that are consulted in a band

    @model_validator(mode="after")
    def _index_is_whole(self) -> "Against":
        try:
            self._read()
        except OutputError as error:
            raise ValueError(str(error)) from error
        return self

    def _read(self) -> "CorpusIndex":
        from corpusforge.stages.dedup.corpus_index import read_index

        return read_index(self.index)

    def files(self) -> tuple[str, ...]:
        """The index's list of parts, which holds their checksums."""
        from corpusforge.stages.dedup.corpus_index import NAME

        return (str(Path(self.index) / NAME),)

    def open(self) -> Kernel:
        """Map the index."""
        from corpusforge.stages.dedup.listed import match_listed
        from corpusforge.stages.dedup.rank import doc_id_strings
        from corpusforge.stages.dedup.signature import band_keys, permutations, signatures
        from corpusforge.text import segment
        from corpusforge.text.shingles import shingles_of

        index = self._read()
        banding, parts = index.banding, index.load()
        permuted = permutations(banding.bands * banding.rows, banding.seed)
        containment = self.similarity == "containment"

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            grams = shingles_of(segment(batch.column("text")), banding.ngram, banding.unit)
            waiting = (np.diff(grams.offsets) > 0) & kept(batch)
            keys = band_keys(signatures(grams, *permuted), banding.bands, banding.rows)
            consulted = np.zeros(keys.shape, np.int32)
            known = np.zeros(batch.num_rows, bool)
            keeper, found = np.zeros((batch.num_rows, 16), np.uint8), np.zeros(batch.num_rows)
            for part in parts:  # in rank order: the first match is the best-ranked
                match_listed(
                    *grams,
                    keys,
                    *part,
                    self.verify,
                    containment,
                    self.max_keepers,
                    waiting & ~known,
                    consulted,
                    known,
                    keeper,
                    found,
                )
            return reject(batch, known, "known_near_duplicate", value=found, detail=doc_id_strings(keeper))

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A text of the earlier corpus with a word changed, and another text."""
        from corpusforge.stages.dedup.corpus_index import Banding, add

        story = " ".join(f"On day {i} the fox met animal number {i}." for i in range(20))
        first, second = f"{1:032x}", f"{2:032x}"
        if not (folder / "index").exists():
            earlier = pa.record_batch({"doc_id": [first, second], "text": [story, "An older text."]})
            add(folder / "index", [earlier], "earlier", Banding())
        stage = cls(index=str(folder / "index"))
        changed = story.replace("number 3", "3")
        return (
            Example(stage, {"text": changed}, "known_near_duplicate", {"rejected_detail": first}),
            Example(stage, {"text": "an older text"}, "known_near_duplicate", {"rejected_value": 1.0}),
            Example(stage, {"text": "Nothing here is like the rest."}, None),
        )
