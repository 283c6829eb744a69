"""corpusforge explain: why a document is where it is."""

from typing import Any

import click

from corpusforge.cli.names import Output


@click.command(short_help="Say what became of a document, and why.")
@click.argument("output", type=Output())
@click.argument("document")
@click.option("--json", "as_json", is_flag=True, help="Print the accounts as JSON.")
def command(output: str, document: str, as_json: bool) -> None:
    """Say what became of DOCUMENT in the finished run in OUTPUT, and why.

    DOCUMENT is a doc_id, a URL, an origin, a path, or a piece of the text as the run left it (quote it).
    """
    from corpusforge.report.explain import MOST, explain

    accounts = explain(output, document)
    if as_json:
        import orjson

        click.echo(orjson.dumps(accounts, option=orjson.OPT_INDENT_2).decode())
        return
    for number, account in enumerate(accounts):
        if number:
            click.echo("")
        for line in _lines(account):
            click.echo(line)
    if len(accounts) == MOST:
        click.echo(f"\nonly the first {MOST} documents are shown")


def _lines(account: dict[str, Any]) -> list[str]:
    lines = [_outcome(account)]
    for name in ("doc_id", "source", "origin", "url", "title", "date", "language", "license", "path", "token_count"):
        if name in account:
            lines.append(f"  {name:<12}{account[name]}")
    if "cluster" in account and account["cluster"]["id"]:
        lines.append(f"  {'cluster':<12}{account['cluster']['id']}, {account['cluster']['size']:,} documents")
    if "keeper" in account:
        lines.append(f"  {'stays':<12}{account['keeper']['doc_id']}, itself {_outcome(account['keeper'])}")
        lines += [f"  {'':<12}{account['keeper'][name]}" for name in ("origin", "url") if name in account["keeper"]]
    lines.append("stages")
    for stage in account["stages"]:
        pack = f" ({stage['pack']})" if "pack" in stage else ""
        said = [f"{name} {_value(value)}" for name, value in stage.get("measured", {}).items()]
        if stage["outcome"] != "not reached":
            said += [f"[{name} {_value(value)}]" for name, value in stage.get("bounds", {}).items()]
        lines.append(f"  {stage['name'] + pack:<40}{stage['outcome']:<13}{', '.join(said)}".rstrip())
    for entry in account.get("pii", ()):
        lines.append(f"personal data: {entry['type']}, {entry['spans']} spans, action {entry['action']}")
    if "difference" in account:
        lines += [
            "the text that stays differs: [-only in this one-] [+only in the one that stays+]",
            *_difference(account["difference"]),
        ]
    for copy in account.get("copies", ()):
        value = f" {copy['value']:.3g}" if copy.get("value") is not None else ""
        lines.append(f"went in its favour: {copy['doc_id']}  {copy['reason']}{value}  {copy.get('url', '')}".rstrip())
        lines += _difference(copy["difference"]) if "difference" in copy else []
    for edit in account.get("edits", ()):
        took = f"{edit['chars_before']:,} characters before, {edit['chars_after']:,} after"
        lines.append(f"edited{' by ' + edit['pack'] if 'pack' in edit else '':<36}{took}")
    if account.get("signals"):
        lines.append("signals")
        lines += [_signal(signal) for signal in account["signals"]]
    return lines


def _difference(changes: list[str]) -> list[str]:
    return [f"  {line}" for line in changes] or ["  in nothing but spaces"]


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _outcome(account: dict[str, Any]) -> str:
    if "place" in account:
        return f"kept: {account['place']['file']}, row {account['place']['row']}"
    if "rejected" in account:
        entry = account["rejected"]
        said = f"rejected by {entry['stage']}: {entry['reason']}"
        said += f", value {entry['value']:g}" if entry["value"] is not None else ""
        return said + (f", detail {entry['detail']}" if entry["detail"] is not None else "")
    if "quarantined" in account:
        entry = account["quarantined"]
        return f"quarantined at {entry['stage']}: {entry['error']} ({entry['bytes']:,} bytes)"
    return "not found in this output"


def _signal(signal: dict[str, Any]) -> str:
    bounds = [f"{end} {signal[end]:g}" for end in ("min", "max") if signal.get(end) is not None]
    said = f"  {signal['name']:<40}{signal['value']:<12.4g}{', '.join(bounds)}"
    return said if signal.get("within", True) else f"{said}   <- {signal['pack']}"
