"""Files in the encodings that spreadsheets write: how each is read, and which one a file is guessed to be in."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.errors import Invalid
from annotator.importing import encodings, load
from annotator.importing.encodings import CODECS
from annotator.importing.lines import MAX_LINE
from annotator.importing.options import Options
from annotator.importing.rows import Refused, Row
from web.views import imports

# Review by review, as somebody would save them in Excel there.
REVIEWS = {
    "windows-1252": [
        "Das ist schön, aber größer als gedacht.",
        "café",
        "Il a été très content de son achat, livré à l’heure – merci !",
        "El niño comió piñas y se fue mañana. ¿Qué pasó?",
    ],
    "windows-1250": [
        "Zażółć gęślą jaźń. Proszę o zwrot pieniędzy, książka była zniszczona.",
        "Příliš žluťoučký kůň úpěl ďábelské ódy. Děkuji za rychlé dodání.",
    ],
    "windows-1251": ["Спасибо за быструю доставку, всё отлично. Рекомендую этот магазин."],
    "windows-1253": ["Το προϊόν έφτασε γρήγορα και είναι πολύ καλό. Ευχαριστώ πολύ."],
    "windows-1254": ["Ürün çok güzel, teşekkürler. Kargo hızlı geldi, ığdır şehri."],
    "windows-1255": ["תודה רבה על השירות המצוין והמשלוח המהיר. המוצר נהדר."],
    "windows-1256": ["شكرا جزيلا على الخدمة الممتازة والتوصيل السريع. المنتج رائع."],
    "windows-874": ["สินค้าดีมาก จัดส่งเร็ว ขอบคุณครับ"],
    "big5": ["商品非常好，物流很快，謝謝賣家。下次還會再來購買的。"],
    "gb18030": ["商品非常好，物流很快，谢谢卖家。下次还会再来购买的。"],
    "euc-kr": ["상품이 정말 좋아요. 배송도 빠르고 만족합니다. 감사합니다."],
    "shift_jis": ["商品はとても良かったです。配送も早くて満足しています。ありがとうございました。"],
    "macintosh": [
        "Das ist schön, aber größer als gedacht.",
        "Il a été très content de son achat, livré à l’heure – merci !",
    ],
    "utf-16": ["Ада живёт в Париже.", "商品非常好"],
    "utf-8": ["Ada wohnt in Köln.", "plain", "商品非常好"],
}


def read(data: bytes, format: str, encoding: str, **options) -> list[Row | Refused]:
    return list(load.read(io.BytesIO(data), Options(format, encoding=encoding, **options)))


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in REVIEWS.items() for text in texts])
def test_what_a_spreadsheet_wrote_is_recognised_and_read(encoding, text):
    table = f"id;text\r\n1;{text}\r\n"
    table = table.replace("\n", "") if encoding == "macintosh" else table
    data = table.encode("utf-16" if encoding == "utf-16" else CODECS[encoding])

    assert encodings.guess(data) == encoding
    assert [row.text for row in read(data, "csv", encoding)] == [text]


def test_a_few_broken_lines_do_not_make_utf8_something_else():
    data = "text\nKöln\nMünchen\n".encode() + b"caf\xe9\n"

    assert encodings.guess(data) == "utf-8"


@pytest.mark.parametrize("end", [b"", b"\xc3", b"\n\xe5\x95"])
def test_a_beginning_that_is_cut_within_a_character_is_utf8(end):
    assert encodings.guess("text\nKöln und ".encode() + end, whole=False) == "utf-8"


def test_utf16_is_known_without_its_mark():
    for text in ("Ada", "商品非常好" * 20):
        data = f"text\n{text}\n".encode("utf-16-le")

        assert encodings.guess(data) == "utf-16"
        assert [row.text for row in read(data, "csv", "utf-16")] == [text]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip), max_size=6),
    st.sampled_from(["utf-16-le", "utf-16-be"]),
)
def test_no_half_of_a_character_ends_a_line_of_utf16(texts, codec):
    data = "\ufeff".encode(codec) + "\n".join(["ਊ\u0a00\u000b" + text for text in texts]).encode(codec)

    found = read(data, "txt", "utf-16")

    assert [row.text for row in found] == ["ਊ\u0a00\u000b" + text for text in texts]
    if found:
        assert (found[0].begin, found[-1].end) == (2, len(data))
        assert [row.begin for row in found[1:]] == [row.end for row in found[:-1]]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_an_endless_line_of_utf16_is_refused_and_the_next_is_read(codec):
    data = ("\ufeff" + ("ਊ" + "a" * 49) * (MAX_LINE // 80) + "\nafter").encode(codec)

    first, after = read(data, "txt", "utf-16")

    assert isinstance(first, Refused)
    assert after.text == "after"
    assert (first.end, after.end) == (after.begin, len(data))


@pytest.mark.parametrize("format", ["jsonl", "csv", "txt"])
def test_what_is_not_in_the_encoding_named_says_which_option_to_change(format):
    data = {"jsonl": b'{"text": "caf\xe9"}\n', "csv": b"text\ncaf\xe9\n", "txt": b"caf\xe9\n"}[format]

    (refused,) = read(data, format, "utf-8")

    assert refused.reason.startswith("is not UTF-8: byte 0xe9 at byte ")
    assert refused.reason.endswith("; the option `encoding` names another")
    assert read(data, format, "windows-1252")[0].text == "café"
    assert read(data, format, "windows-1252", whole=format == "txt")[0].text.startswith("café")


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("mark", "encoding", "reason"),
    [
        (b"\xff\xfe", "utf-8", "encoding: is utf-8, but the file begins with the mark of utf-16"),
        (b"\xef\xbb\xbf", "windows-1252", "encoding: is windows-1252, but the file begins with the mark of utf-8"),
    ],
)
def test_a_mark_that_says_otherwise_is_believed(mark, encoding, reason, whole):
    with pytest.raises(Invalid, match=reason):
        read(mark + b"a\x00\n\x00", "txt", encoding, whole=whole)


def test_an_unknown_encoding_is_no_option():
    with pytest.raises(Invalid, match="encoding: must be one of utf-8, utf-16, windows-1252"):
        Options.parse({"encoding": "ebcdic"}, "a.csv")


def test_every_encoding_has_a_name_on_the_page():
    assert [name for name, _ in imports._encodings()] == list(encodings.ENCODINGS)


@pytest.mark.parametrize(
    ("encoding", "data", "text"),
    [
        ("big5", b"\xa3\xe1 \xf9\xd6", "€ 碁"),  # as Windows writes it
        ("big5", "嘅啲咗喺".encode("big5hkscs"), "嘅啲咗喺"),  # and in Hong Kong
        ("gb18030", b"\x80 \xb0\xa1", "€ 啊"),
        ("gb2312", "啊镕".encode("gbk"), "啊镕"),
        ("Shift_JIS", "①髙".encode("cp932"), "①髙"),
        ("EUC-KR", "똠".encode("cp949"), "똠"),
        ("latin-1", "“€”".encode("cp1252"), "“€”"),
        ("ISO-8859-1", b"caf\xe9", "café"),
        ("cp1251", "Ада".encode("cp1251"), "Ада"),
        ("UTF8", "ü".encode(), "ü"),
        ("Mac Roman", "schön".encode("mac_roman"), "schön"),
        ("Windows-31J", "髙".encode("cp932"), "髙"),
    ],
)
def test_an_encoding_goes_by_any_of_its_names_and_reads_what_windows_writes(encoding, data, text):
    options = Options.parse({"encoding": encoding}, "a.txt")

    (row,) = load.read(io.BytesIO(data), options)

    assert row.text == text


def test_what_windows_wrote_stays_that_where_lines_end_as_on_a_macintosh():
    assert encodings.guess("text\rDas ist schön, aber größer als gedacht.\r".encode("cp1252")) == "windows-1252"


def test_what_windows_does_not_write_either_is_refused():
    (refused,) = read(b"\x80\xff", "txt", "gb18030")

    assert "is not GB18030" in refused.reason


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("商品非常好", "big5"),
        ("상품이 정말 좋아요", "euc-kr"),
        ("שלום לכולם", "windows-1255"),
        ("شكرا", "windows-1256"),
        ("сайт", "windows-1251"),
        ("配送", "shift_jis"),
    ],
)
def test_a_guess_from_little_says_so_and_shows_how_else_it_could_read(text, encoding):
    data = f"text\r\n{text}\r\n".encode(CODECS[encoding])

    guessed = encodings.guess(data)
    grounds = encodings.grounds(data, guessed)

    assert grounds.uncertain
    assert 0 < grounds.characters <= 2 * len(text)
    assert text in {grounds.read, *grounds.others.values()}
    assert len({grounds.read, *grounds.others.values()}) == 1 + len(grounds.others)


def test_a_guess_from_much_is_no_less_a_guess_but_does_not_ask():
    data = ("text\n" + "Zażółć gęślą jaźń\n" * 9).encode("cp1250")

    grounds = encodings.grounds(data, encodings.guess(data))

    assert (grounds.characters, grounds.uncertain) == (81, False)
