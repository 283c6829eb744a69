"""corpusforge: raw web, book and code dumps to tokenized Parquet for pretraining language models."""

from corpusforge.pipeline import Layout, Pipeline, RunOptions, Source, Step
from corpusforge.recipe import load
from corpusforge.stage import CorpusStage, Example, Kernel, Pass, Stage, attach, kept, reject, with_columns

__version__ = "0.1.0"
__all__ = [
    "CorpusStage",
    "Example",
    "Kernel",
    "Layout",
    "Pass",
    "Pipeline",
    "RunOptions",
    "Source",
    "Stage",
    "Step",
    "__version__",
    "attach",
    "kept",
    "load",
    "reject",
    "with_columns",
]
