"""quality.urls rejects what is listed and what says so in its address, and nothing else."""

import pytest
from pydantic import ValidationError

from corpusforge.registry import resource
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
