"""What a file's bytes stand for: the encodings that spreadsheets write, and which of them a file is likely in."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from annotator.errors import Invalid

UTF_8, UTF_16 = "utf-8", "utf-16"
# By the names that people meet, the codec of each: Unicode, and what Excel on Windows takes for plain CSV somewhere.
# Of several that read a file equally well, the first is the likely one.
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
    "big5": "big5",
    "gb18030": "gb18030",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
}
ENCODINGS = tuple(CODECS)
LONGEST_MARK = 4
_MARKS = {
    codecs.BOM_UTF8: (UTF_8, "utf-8"),
    codecs.BOM_UTF16_LE: (UTF_16, "utf-16-le"),
    codecs.BOM_UTF16_BE: (UTF_16, "utf-16-be"),
}
_FOREIGN_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\x1f\x8b": "compressed by gzip",
}
_JUDGED_BYTES = 32 * 1024
_KANA = re.compile("[\u3041-\u30fe]")


def begin(start: bytes, encoding: str) -> tuple[str, bytes]:
    """The codec for a file that begins so, and the byte order mark to leave out.

    Raises Invalid if it can be no text in this encoding.
    """
    for mark, what in _FOREIGN_MARKS.items():
        if start.startswith(mark):
            raise Invalid("unreadable_file", f"The file is {what}; it must be plain text.")
    for mark, (marked, codec) in _MARKS.items():
        if start.startswith(mark):
            if marked != encoding:
                reason = f"is {encoding}, but the file begins with the mark of {marked}"
                raise Invalid("unreadable_file", f"encoding: {reason}.", [{"field": "encoding", "reason": reason}])
            return codec, mark
    return CODECS[encoding], b""


def guess(data: bytes, *, whole: bool = True) -> str:
    """What a file that begins with this, or is it, is likely in. Nobody should rely on it who has not seen the text."""
    for mark, (marked, _) in _MARKS.items():
        if data.startswith(mark):
            return marked
    if data[1::2].count(0) > len(data) // 8:
        return UTF_16
    *lines, last = data.split(b"\n")
    telling = [line for line in (*lines, last) if not line.isascii()]
    if sum(_is_utf8(line, whole or line is not last) for line in telling) * 2 >= len(telling):  # else a few are broken
        return UTF_8
    judged = b"\n".join(telling)[:_JUDGED_BYTES]
    if len(_KANA.findall(judged.decode("cp932", errors="ignore"))) * 8 > len(judged):
        return "shift_jis"
    return max(ENCODINGS[2:], key=lambda name: _likelihood(judged, CODECS[name]))


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
