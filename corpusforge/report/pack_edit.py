"""Save a pack with other bounds: its file with those bounds in place, comments and order kept."""

import io
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from corpusforge import rules
from corpusforge.engine.storage import write_whole
from corpusforge.errors import OutputError


def save(pack: rules.Pack, bounds: Mapping[str, float], path: Path) -> rules.Pack:
    """Write the pack's file to `path` with `bounds` (`{"word_count.min": 80}`) in it, and return what was written.

    A bound on a signal without a rule becomes a rule at the end. Raises OutputError when `path` exists.
    """
    if path.exists():
        raise OutputError(f"{path} exists already; give another name, or remove it")
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1000  # lines stay as they are
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    root = yaml.load(pack.path.read_text(encoding="utf-8"))
    for key, value in bounds.items():
        name, end = key.rsplit(".", 1)
        _rule(root, name)[end] = int(value) if float(value).is_integer() else float(value)
    text = io.StringIO()
    yaml.dump(root, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue().encode())
    return rules.load(str(path))


def _rule(root: CommentedMap, name: str) -> CommentedMap:
    for rule in root.setdefault("rules", []):
        if rule.get("name", rule["signal"]) == name:
            found: CommentedMap = rule
            return found
    rule = CommentedMap({"signal": name})
    rule.fa.set_flow_style()
    root["rules"].append(rule)
    return rule
