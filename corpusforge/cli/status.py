"""corpusforge status: how a run goes."""

from typing import Any

import click

from corpusforge.cli.names import Output


@click.command(short_help="Say how a run goes: running, dead, stopped or finished.")
@click.argument("output", type=Output())
@click.option("--work", metavar="FOLDER", help="The folder that the recipe names as run.work.")
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
def command(output: str, work: str | None, as_json: bool) -> None:
    """Say how the run in OUTPUT goes. Only looks: safe at any time, from any machine that sees the folder."""
    from corpusforge.report.status import status

    found = status(output, work)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: dict[str, Any]) -> list[str]:
    from corpusforge.cli.progress import clock, figures, heading

    owner = found.get("owner")
    by = f"process {owner['pid']} on {owner['host']}" if owner else ""
    said = {
        "running": f"running: {by}",
        "dead": f"dead: {by} ended without a word; run the same command again to continue",
        "stopped": "stopped before its end; run the same command again to continue",
        "finished": "finished",
    }[found["state"]]
    lines = [f"{found['output']}: {said}"]
    if "progress" in found:
        lines.append(heading(found["progress"]))
        lines.append(f"{figures(found['progress'])} | as of {clock(found['age_seconds'])} ago")
    elif found["state"] != "finished":
        lines.append("nothing was done yet")
    if "documents" in found:
        counts, run = found["documents"], found["run"]
        lines.append(
            f"read {counts['read']:,} = kept {counts['kept']:,} + rejected {counts['rejected']:,} "
            f"+ quarantined {counts['quarantined']:,}; {found['shards']} shards"
        )
        took = f"took {clock(run['wall_seconds'])}, {clock(run['cpu_seconds'])} of CPU, workers: {run['workers']}"
        lines.append(took + (f", {run['retries']} retries" if run["retries"] else ""))
    return lines
