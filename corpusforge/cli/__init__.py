"""The command line: one file per command; `train_classifier.py` is the command `train classifier`. Only this
package prints.

Exit codes, which do not change between versions: 0 done; 1 the run failed, what was asked for is not there, or nobody
reads the output any more; 2 the recipe, the command or the output folder is wrong and nothing was run; 130 stopped by
Ctrl-C, 143 by SIGTERM, the same command continues.
"""

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from corpusforge.errors import CorpusforgeError, OutputError, RecipeError

FAILED, WRONG, STOPPED, TERMINATED = 1, 2, 130, 143


class Commands(click.Group):
    """Commands by file name, imported when they are used: `check` must answer in under a second.

    The commands of a group have the group's name and `_` as their `prefix`.
    """

    def __init__(self, *args: Any, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every file of this folder with the prefix that defines `command`."""
        files = sorted(Path(__file__).parent.glob(f"{self.prefix}[a-z]*.py"))
        names = [p.stem.removeprefix(self.prefix) for p in files if "def command(" in p.read_text(encoding="utf-8")]
        return [name for name in names if "_" not in name]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import corpusforge/cli/<prefix><name>.py and return its `command`."""
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"corpusforge.cli.{self.prefix}{name}").command
        command.name = name
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="corpusforge")
@click.option("--debug", is_flag=True, help="Show a traceback with every error.")
@click.pass_context
def group(context: click.Context, debug: bool) -> None:
    """Raw web, book and code dumps to tokenized Parquet for pretraining language models."""
    context.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    terminated = threading.Event()
    try:
        with _as_interrupt(terminated):
            ended = group.main(arguments, prog_name="corpusforge", standalone_mode=False)  # the code of click's Exit
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; run the same command again to continue", err=True)
        sys.exit(TERMINATED if terminated.is_set() else STOPPED)
    except BrokenPipeError:
        # Nobody reads on. What is still buffered must not be written either, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except (CorpusforgeError, OSError) as error:
        if "--debug" in arguments:
            raise
        click.echo(f"error: {said(error)}", err=True)
        sys.exit(exit_code(error))
    sys.exit(ended if isinstance(ended, int) else 0)


@contextmanager
def _as_interrupt(terminated: threading.Event) -> Iterator[None]:
    """Let SIGTERM do inside what Ctrl-C does, and set `terminated`."""

    def end(number: int, frame: object) -> None:
        terminated.set()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def said(error: CorpusforgeError | OSError) -> str:
    """Return an error in words: of the file system the path, and what is wrong with it."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def exit_code(error: BaseException) -> int:
    """Return the code with which a command ends for an error."""
    return WRONG if isinstance(error, RecipeError | OutputError) else FAILED
