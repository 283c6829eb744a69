"""quality.urls rejects what is listed and what says so in its address, and nothing else."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.registry import resource
from corpusforge.stages.quality import blocklist
from corpusforge.stages.quality.registered_domain import PublicSuffixes, split_url
from corpusforge.stages.quality.urls import Urls, _read_pack
from corpusforge.testing import check_stage, docs, reasons, run_stage


def judged(stage, *urls):
    return reasons(run_stage(stage, docs(*["text"] * len(urls), url=list(urls))))


def listed(tmp_path, *lines):
    path = tmp_path / "blocked.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Urls(blocked_domains=(str(path),))


def test_the_stage_keeps_its_promises(tmp_path):
    check_stage(Urls, tmp_path)


def test_every_example_of_the_pack_gives_its_reason_and_what_matched():
    examples = _read_pack("urls")["examples"]
    out = run_stage(Urls(), docs(*["text"] * len(examples), url=[e["url"] for e in examples]))
    assert reasons(out) == [e.get("reject") for e in examples]
    assert out["rejected_detail"].to_pylist() == [e.get("detail") for e in examples]


def test_a_null_or_empty_url_is_never_rejected(tmp_path):
    assert judged(listed(tmp_path, "example.com"), None, "") == [None, None]


def test_a_listed_domain_blocks_all_of_it_and_a_listed_host_only_itself_and_what_is_below(tmp_path):
    stage = listed(tmp_path, "bad.co.uk", "b.mixed.org", "0.0.0.0 www.Ads.example")
    assert judged(stage, "http://a.b.bad.co.uk/x", "http://other.co.uk", "bad.co.uk") == [
        "blocked_domain",
        None,
        "blocked_domain",
    ]
    found = judged(stage, "http://mixed.org", "http://b.mixed.org", "http://a.b.mixed.org:80/x", "https://ab.mixed.org")
    assert found == [None, "blocked_subdomain", "blocked_subdomain", None]
    assert judged(stage, "//ads.example/1") == ["blocked_domain"]


def test_a_listed_page_is_compared_without_scheme_fragment_and_last_slash(tmp_path):
    stage = listed(tmp_path, "https://www.good.org/Bad/?id=1", "good.org/worse/  # reason")
    same = ["http://good.org/Bad/?id=1#top", "good.org/worse", "HTTPS://u@GOOD.org:443/worse/"]
    assert judged(stage, *same) == ["blocked_url"] * 3
    assert judged(stage, "good.org/bad/?id=1", "good.org/worse/x", "good.org") == [None] * 3


def test_names_outside_ascii_match_in_either_form(tmp_path):
    assert judged(listed(tmp_path, "bücher.example"), "https://xn--bcher-kva.example/") == ["blocked_domain"]
    assert judged(listed(tmp_path, "xn--bcher-kva.example"), "https://Bücher.example/") == ["blocked_domain"]


def test_hosts_files_and_filters_are_lists_too(tmp_path):
    lines = "127.0.0.1 localhost one.com two.com # both", "::1 three.com", "||four.com^$third-party", "*.five.com"
    stage = listed(tmp_path, *lines, "! six.com", "#seven.com", "[Adblock Plus 2.0]", "category eight.com", "9.9.9.9")
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "category"]
    found = judged(stage, *(f"http://{name}.com/x" for name in names), "http://9.9.9.9/", "http://127.0.0.1/")
    assert found == ["blocked_domain"] * 5 + [None, None, "blocked_domain", None, "blocked_domain", None]


def test_a_folder_stands_for_the_domains_and_urls_in_it(tmp_path):
    for name, line in (("adult/domains", "one.com"), ("adult/urls", "good.org/two"), ("adult/usage", "three.com")):
        path = tmp_path / "lists" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{line}\n", encoding="utf-8")
    (tmp_path / "lists" / "domains.gz").write_bytes(gzip.compress(b"four.com\n"))
    stage = Urls(blocked_domains=str(tmp_path / "lists"))
    found = judged(stage, "http://one.com", "http://good.org/two/", "http://three.com", "http://a.four.com")
    assert found == ["blocked_domain", "blocked_url", None, "blocked_domain"]
    assert len([path for path in stage.files() if path.startswith(str(tmp_path))]) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValidationError, match="holds no file `domains` or `urls`"):
        Urls(blocked_domains=str(tmp_path / "empty"))


NAMES = st.sampled_from(
    ["a.com", "B.Com", "www.c.org", "d.e.f.co.uk", "x.org/Page/", "https://y.org:80/z", "ü.de", "-"]
)
LINES = st.builds(
    lambda before, names, after: f"{before} {' '.join(names)}{after}",
    st.sampled_from(["", "0.0.0.0", "fe80::1%lo0", "#", "!", " \t"]),
    st.lists(NAMES, max_size=3),
    st.sampled_from(["", " # no.com", "\r", "\t", " #no.com"]),
)


@settings(max_examples=40)
@given(st.lists(LINES, max_size=20), st.booleans(), st.integers(1, 40))
def test_a_list_blocks_what_plain_python_reads_in_it(tmp_path_factory, lines, ended, block_bytes):
    path = tmp_path_factory.mktemp("lists") / "blocked.txt"
    path.write_text("\n".join(lines) + "\n" * ended, encoding="utf-8", newline="")
    wanted = set()
    for line in lines:
        fields = line.split("#")[0].split()
        if not fields or fields[0] == "!":
            continue
        several = fields[0] in ("0.0.0.0", "fe80::1%lo0") and len(fields) > 1
        for name in fields[1:] if several else fields[-1:]:
            wanted.add("".join(split_url(name)).rstrip("/"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocklist, "_BLOCK_BYTES", block_bytes)
        found = {int(one) for hashes in blocklist._hashes(path) for one in hashes}
    assert found == {blocklist._hash(page) for page in wanted}


def test_words_are_whole_and_subwords_are_not():
    assert judged(Urls(), "http://x.org/PORN", "http://x.org/pornography-research", "http://x.org/a%20porn%20b") == [
        "hard_word",
        None,
        "hard_word",
    ]
    assert judged(Urls(), "http://my-free-porntube.org/") == ["subword"]


def test_soft_words_must_be_different_and_enough():
    assert judged(Urls(), "http://x.org/poker/poker/poker") == [None]
    assert judged(Urls(), "http://x.org/poker/casino") == ["soft_words"]
    assert judged(Urls(min_soft_words=3), "http://x.org/poker/casino") == [None]


def test_ones_own_pack_is_read_strictly(tmp_path):
    pack = tmp_path / "mine.yaml"
    pack.write_text("hard_words: [no, Spam]\n", encoding="utf-8")
    assert judged(Urls(pack=str(pack)), "http://x.org/spam", "http://x.no/porn", "http://x.org/") == [
        "hard_word",
        "hard_word",
        None,
    ]
    for wrong, message in (("hard_word: [a]", "Did you mean 'hard_words'"), ("soft_words: [1]", "quote numbers")):
        pack.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValidationError, match=message):
            Urls(pack=str(pack))
    with pytest.raises(ValidationError, match=r"no file 'none\.txt'"):
        Urls(blocked_domains="none.txt")


def test_the_shipped_words_are_sorted_and_no_subword_holds_another():
    pack = _read_pack("urls")
    for key in ("hard_words", "soft_words", "subwords"):
        assert pack[key] == sorted(set(pack[key])), f"{key} in {resource('filters', 'urls')}"
    assert not set(pack["hard_words"]) & set(pack["soft_words"])
    assert [(a, b) for a in pack["subwords"] for b in pack["subwords"] if a != b and a in b] == []


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("com", "com"),
        ("a.blogspot.com", "blogspot.com"),  # the private section does not count
        ("x.y.kawasaki.jp", "x.y.kawasaki.jp"),  # *.kawasaki.jp
        ("a.city.kawasaki.jp", "city.kawasaki.jp"),  # !city.kawasaki.jp
        ("a.xn--55qx5d.cn", "a.xn--55qx5d.cn"),  # 公司.cn
        ("192.168.0.1", "192.168.0.1"),
        ("[::1]", "[::1]"),
        ("a.b.unknown-top-level", "b.unknown-top-level"),
        ("", ""),
    ],
)
def test_registered_domains_follow_the_public_suffix_list(host, domain):
    assert PublicSuffixes().registered_domain(host) == domain


@pytest.mark.parametrize(
    "url", ["http://", "://", "@", "http://[", "mailto:a@b.c", "javascript:void(0)", "\x00", "a b"]
)
def test_no_url_is_an_error(url, tmp_path):
    split_url(url)
    assert judged(listed(tmp_path, "example.com"), url) == [None]
