import pytest

from corpusforge.stages.extract.encoding import codec_of, declared_encodings, decode_page

JAPANESE = "日本語の文章です。これは文字コードを判定するための長い文章です。東京は日本の首都です。"
RUSSIAN = "Это русский текст, который нужен для проверки. Москва является столицей России."
KOREAN = "한국어 문장입니다. 서울은 대한민국의 수도입니다."
CHINESE = "中文网页测试内容，编码检测。北京是中国的首都。"


def page(text: str, codec: str, charset: str | None = None) -> bytes:
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}</head><body><p>{text}</p></body></html>".encode(codec)


def decoded(content: bytes, header: str | None = None) -> str:
    found = decode_page(content, header and f"text/html; charset={header}")
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    "text, codec",
    [
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc-jp"),
        (JAPANESE, "iso-2022-jp"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (CHINESE, "gb2312"),
        (KOREAN, "euc-kr"),
        ("façade – größer € ‘quoted’", "windows-1252"),
        ("Zażółć gęślą jaźń", "iso-8859-2"),
    ],
)
def test_a_declared_encoding_is_used_from_header_or_meta(text, codec):
    assert text in decoded(page(text, codec), codec)
    assert text in decoded(page(text, codec, codec))


@pytest.mark.parametrize(
    "text, codec",
    [
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc-jp"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (CHINESE, "gb18030"),
        (KOREAN, "cp949"),
    ],
)
def test_an_undeclared_encoding_is_detected(text, codec):
    assert text in decoded(page(text, codec))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_beats_everything_and_is_removed(codec):
    assert decoded(page(JAPANESE, codec, "shift_jis"), "windows-1251") == page(JAPANESE, "utf-8", "shift_jis").decode()


def test_utf_16_big_endian_is_known_by_its_mark():
    assert JAPANESE in decoded(b"\xfe\xff" + page(JAPANESE, "utf-16-be"))


def test_valid_utf_8_beats_a_wrong_header():
    for wrong in ("iso-8859-1", "windows-1251", "shift_jis"):
        assert JAPANESE in decoded(page(JAPANESE, "utf-8"), wrong)
    assert "café" in decoded(page("café", "utf-8"), "iso-8859-1")


def test_two_bytes_that_happen_to_be_utf_8_do_not_beat_a_two_byte_encoding():
    assert "茅" in decoded(page("茅", "gbk"), "gbk")


def test_a_blanket_latin_1_header_gives_way_to_the_meta_element():
    assert RUSSIAN in decoded(page(RUSSIAN, "windows-1251", "windows-1251"), "iso-8859-1")


def test_a_header_that_cannot_be_right_gives_way_to_detection():
    assert JAPANESE in decoded(page(JAPANESE, "euc-jp"), "utf-8")


def test_a_few_broken_bytes_do_not_change_the_encoding():
    content = page(RUSSIAN, "utf-8").replace("Москва".encode(), "Москва".encode() + b"\xff")
    assert "Москва\ufffd" in decoded(content)


def test_bytes_of_no_encoding_are_undecodable():
    assert decode_page(b"<p>" + bytes(range(0x80, 0x100)) * 9, "text/html; charset=utf-8") is None


def test_labels_mean_what_browsers_take_them_for():
    labels = {"latin1": "cp1252", "us-ascii": "cp1252", "x-sjis": "cp932", "gb2312": "gb18030", "KOI8-R ": "koi8-r"}
    assert {label: codec_of(label) for label in labels} == labels
    assert codec_of("klingon") is None


def test_declarations_are_found_in_header_meta_and_xml():
    content = b'<?xml version="1.0" encoding="koi8-r"?><meta http-equiv=x content="text/html; charset=windows-1251">'
    assert declared_encodings(content, 'text/html; charset="Shift_JIS"') == ["cp932", "cp1251", "koi8-r"]
    assert declared_encodings(b"<meta charset=utf-16>", None) == ["utf-8"]


def test_empty_bytes_are_empty_text():
    assert decode_page(b"", None) == ("", "utf-8")
