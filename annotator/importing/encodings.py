"""What a file's bytes stand for: the encodings that spreadsheets write, and which of them a file is likely in."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from charset_normalizer import from_bytes

from annotator.errors import Invalid
from annotator.importing import kinds

UTF_8, UTF_16, MACINTOSH = "utf-8", "utf-16", "macintosh"
# By the names that people meet, the codec of each: Unicode, what Excel on Windows takes for plain CSV somewhere, and
# what it writes as "CSV (Macintosh)". Of several that read a file equally well, the first is the likely one.
CODECS = {
    UTF_8: "utf-8",
    UTF_16: "utf-16-le",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "windows-1257": "cp1257",
    "windows-874": "cp874",
    "big5": "cp950",
    "gb18030": "gb18030",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    MACINTOSH: "mac_roman",
}
ENCODINGS = tuple(CODECS)
_OF_WINDOWS = tuple(name for name in CODECS if name not in (UTF_8, UTF_16, MACINTOSH))
# Names by which others call them, or an older part of them, without case and what parts their words.
_ALSO = {
    "utf8": UTF_8, "utf8sig": UTF_8, "utf16le": UTF_16, "utf16be": UTF_16, "unicode": UTF_16,
    "ascii": "windows-1252", "usascii": "windows-1252", "latin1": "windows-1252", "iso88591": "windows-1252",
    "iso885915": "windows-1252", "ansi": "windows-1252", "tis620": "windows-874", "iso885911": "windows-874",
    "big5hkscs": "big5", "gb2312": "gb18030", "gbk": "gb18030", "936": "gb18030", "950": "big5", "949": "euc-kr",
    "932": "shift_jis", "uhc": "euc-kr", "ksc56011987": "euc-kr", "sjis": "shift_jis", "windows31j": "shift_jis",
    "iso88599": "windows-1254", "macroman": MACINTOSH, "xmacroman": MACINTOSH, "mac": MACINTOSH,
}  # fmt: skip
_EURO = "marginalia_euro"  # how codecs calls what becomes of a byte that it does not know
LOOKED_AT = 8 * 1024  # of a file, to know what it is
_MARKS = {
    codecs.BOM_UTF8: (UTF_8, "utf-8"),
    codecs.BOM_UTF16_LE: (UTF_16, "utf-16-le"),
    codecs.BOM_UTF16_BE: (UTF_16, "utf-16-be"),
}
_JUDGED_BYTES = 32 * 1024
_ENOUGH = 30  # characters beyond ASCII, for a guess to be more than that
_ALTERNATIVES = 5
_SHOWN = 60
_KANA = re.compile("[\u3041-\u30fe]")


def begin(start: bytes, encoding: str) -> tuple[str, bytes]:
    """The codec for a file that begins so, and the byte order mark to leave out.

    Raises Invalid if it can be no text in this encoding.
    """
    fault = kinds.told(start)
    if fault:
        raise Invalid("unreadable_file", fault)
    for mark, (marked, codec) in _MARKS.items():
        if start.startswith(mark):
            if marked != encoding:
                reason = f"is {encoding}, but the file begins with the mark of {marked}"
                raise Invalid("unreadable_file", f"encoding: {reason}.", [{"field": "encoding", "reason": reason}])
            return codec, mark
    unmarked = _unmarked_utf16(start)
    if unmarked and encoding != UTF_16:
        reason = f"is {encoding}, but the file is in utf-16, without its mark"
        raise Invalid("unreadable_file", f"encoding: {reason}.", [{"field": "encoding", "reason": reason}])
    fault = "" if encoding == UTF_16 else kinds.told_of_bytes(start)
    if fault:
        raise Invalid("unreadable_file", fault)
    return unmarked or CODECS[encoding], b""


def named(name: str) -> str:
    """The encoding that is called so, by any of its names; what is none stays as it is."""
    if name in CODECS:
        return name
    plain = "".join(filter(str.isalnum, name.casefold()))
    for known in ENCODINGS:
        if plain == "".join(filter(str.isalnum, known)):
            return known
    number = plain.removeprefix("windows").removeprefix("cp").removeprefix("ibm").removeprefix("ms")
    if f"windows-{number}" in CODECS:
        return f"windows-{number}"
    return _ALSO.get(plain, _ALSO.get(number, name))


def decoded(data: bytes, codec: str) -> str:
    """What bytes stand for, also where Windows writes more than the standard has. Raises UnicodeDecodeError."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        if codec == "cp950":  # Hong Kong's characters
            return data.decode("big5hkscs")
        if codec == "gb18030":
            return data.decode(codec, errors=_EURO)
        raise


def _euro(error: UnicodeError) -> tuple[str, int]:
    """Chinese Windows writes the euro sign as a single byte, which GB 18030 has no place for."""
    if isinstance(error, UnicodeDecodeError) and error.object[error.start] == 0x80:
        return "€", error.start + 1
    raise error


codecs.register_error(_EURO, _euro)


def _unmarked_utf16(start: bytes) -> str:
    """The codec of a file that begins with two characters of ASCII in UTF-16."""
    if len(start) >= 4 and start[0] and start[2] and not start[1] and not start[3]:
        return "utf-16-le"
    return "utf-16-be" if len(start) >= 4 and start[1] and start[3] and not start[0] and not start[2] else ""


def guess(data: bytes, *, whole: bool = True) -> str:
    """What a file that begins with this, or is it, is likely in. Nobody should rely on it who has not seen the text."""
    for mark, (marked, _) in _MARKS.items():
        if data.startswith(mark):
            return marked
    if _unmarked_utf16(data) or max(data[1::2].count(0), data[::2].count(0)) > len(data) // 8:
        return UTF_16
    telling, last = _telling(data)
    if sum(_is_utf8(line, whole or line is not last) for line in telling) * 2 >= len(telling):  # else a few are broken
        return UTF_8
    judged = b"\n".join(telling)[:_JUDGED_BYTES]
    return _ranked(judged, data)[0]


@dataclass(frozen=True)
class Guess:
    """How far a guess goes: from how many characters beyond ASCII it was made, how the first of them are read, and in
    which other encodings they could be."""

    characters: int
    read: str
    others: dict[str, str]

    @property
    def uncertain(self) -> bool:
        return self.characters < _ENOUGH


def grounds(data: bytes, encoding: str) -> Guess:
    """What says that a file that begins with this is in an encoding, and what else it could be."""
    telling, _ = _telling(data)
    judged = b"\n".join(telling)[:_JUDGED_BYTES]
    characters = sum(not character.isascii() for character in judged.decode(CODECS[encoding], errors="ignore"))
    read = _example(judged, encoding)
    found = {_example(judged, name): name for name in reversed(_ranked(judged, data) if judged else [])}
    others = [(name, text) for text, name in found.items() if text not in ("", read)][::-1]
    others.sort(key=lambda pair: -_letters(pair[1]))
    return Guess(characters, read, dict(others[:_ALTERNATIVES]))


def _letters(text: str) -> float:
    """Which part of the characters beyond ASCII are letters or marks on them."""
    beyond = [unicodedata.category(character) for character in text if not character.isascii()]
    return sum(category[0] in "LM" for category in beyond) / (len(beyond) or 1)


def _telling(data: bytes) -> tuple[list[bytes], bytes]:
    """The lines that say something about the encoding; and the last line, which may be cut."""
    lines = data.replace(b"\r", b"\n").split(b"\n")
    return [line for line in lines if not line.isascii()], lines[-1]


def _example(judged: bytes, encoding: str) -> str:
    """How the first character beyond ASCII is read, and what is around it; empty where that cannot be."""
    try:
        text = decoded(judged.partition(b"\n")[0], CODECS[encoding])
    except UnicodeDecodeError:
        return ""
    if any(unicodedata.category(character) in ("Cc", "Cn", "Co") and character != "\t" for character in text):
        return ""
    first = next((i for i, character in enumerate(text) if not character.isascii()), 0)
    return text[max(0, first - _SHOWN // 3) :][:_SHOWN]


def _ranked(judged: bytes, data: bytes) -> list[str]:
    """Encodings that are not Unicode's, the likely ones first; the Macintosh's where lines end as they did there."""
    asked = (MACINTOSH, *_OF_WINDOWS) if b"\r" in data and b"\n" not in data else _OF_WINDOWS
    names = sorted(asked, key=lambda name: -_likelihood(judged, CODECS[name]))
    if len(_KANA.findall(judged.decode("cp932", errors="ignore"))) * 8 > len(judged):
        names.sort(key=lambda name: name != "shift_jis")
    return names


def _is_utf8(line: bytes, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(line, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _likelihood(data: bytes, codec: str) -> float:
    """Asked for one codec at a time: among several, those that give a similar text are not all looked at."""
    found = from_bytes(data, cp_isolation=[codec], enable_fallback=False).best()
    return found.coherence - found.chaos if found else -1.0
