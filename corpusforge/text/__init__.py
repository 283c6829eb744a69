"""TextBatch: a batch's words, lines, paragraphs, tokens and hashes as segmented arrays.

t = segment(batch["text"])
t.words.hashes                  # uint64, one per word
t.words.offsets                 # int64, documents + 1: the first word of each document
t.lines.max(t.lines.lengths_chars)
"""

from corpusforge.text.batch import TextBatch, segment

__all__ = ["TextBatch", "segment"]
