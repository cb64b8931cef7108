"""Files that are no plain text, by how they begin: what they are, and what to do with them."""

from __future__ import annotations

_AS_CSV = "save the sheet as CSV (UTF-8) and import that"
_UNPACK = "unpack it and import the files in it"
_MARKS = {
    b"\xff\xfe\x00\x00": ("UTF-32", "save it as UTF-8"),
    b"\x00\x00\xfe\xff": ("UTF-32", "save it as UTF-8"),
    b"\x1f\x8b": ("compressed by gzip", _UNPACK),
    **{b"BZh%d1AY&SY" % level: ("compressed by bzip2", _UNPACK) for level in range(1, 10)},
    b"\xfd7zXZ": ("compressed by xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed by Zstandard", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": ("a RAR archive", _UNPACK),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("of an old Microsoft Office, perhaps an Excel workbook", _AS_CSV),
    b"%PDF-": ("a PDF", "save its text as TXT"),
    b"{\\rtf": ("RTF", "save its text as TXT"),
    b"PAR1\x15": ("Parquet", "write it as JSON lines or CSV"),
    b"SQLite format 3\x00": ("an SQLite database", "write the table as CSV"),
    b"\x89PNG": ("a picture (PNG)", "only texts are imported"),
    b"\xff\xd8\xff": ("a picture (JPEG)", "only texts are imported"),
    b"GIF87a": ("a picture (GIF)", "only texts are imported"),
    b"GIF89a": ("a picture (GIF)", "only texts are imported"),
}
_MANY = 64  # bytes, to say that there are many NULs among them
# What is in a ZIP archive, by names that stand near its beginning.
_ZIPPED = {
    b"xl/": ("an Excel workbook", _AS_CSV),
    b"opendocument.spreadsheet": ("an OpenDocument spreadsheet", _AS_CSV),
    b"word/": ("a Word document", "save its text as TXT"),
    b"opendocument.text": ("an OpenDocument text", "save its text as TXT"),
    b"[Content_Types].xml": ("an Office file, perhaps an Excel workbook", _AS_CSV),
    b"docProps/": ("an Office file, perhaps an Excel workbook", _AS_CSV),
}


# The same by the ends of names, for files whose format nobody has said.
_NAMED = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls"), ("an Excel workbook", _AS_CSV)),
    ".ods": ("an OpenDocument spreadsheet", _AS_CSV),
    **dict.fromkeys((".docx", ".doc"), ("a Word document", "save its text as TXT")),
    ".odt": ("an OpenDocument text", "save its text as TXT"),
    ".pdf": ("a PDF", "save its text as TXT"),
    ".rtf": ("RTF", "save its text as TXT"),
    **dict.fromkeys((".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar"), ("an archive", _UNPACK)),
    ".parquet": ("Parquet", "write it as JSON lines or CSV"),
}


def told_by_name(suffix: str) -> str:
    """What a file whose name ends so is, and what to do; empty where that is not known."""
    known = _NAMED.get(suffix)
    return _sentence(*known) if known else ""


def told(start: bytes) -> str:
    """What a file that begins so is, as a sentence that says what to do; empty where it may be text."""
    if start.startswith(b"PK\x03\x04"):
        what, todo = next(
            (known for name, known in _ZIPPED.items() if name in start), ("a ZIP archive or a spreadsheet", _UNPACK)
        )
        return _sentence(what, todo)
    for mark, (what, todo) in _MARKS.items():
        if start.startswith(mark):
            return _sentence(what, todo)
    if start.lstrip(b"\xef\xbb\xbf").startswith(b"#FORMAT=WebAnno TSV"):
        return _sentence("WebAnno TSV, which is not read", "export its texts as TXT, or the annotations as JSON lines")
    return ""


def told_of_bytes(start: bytes) -> str:
    """The same of a file that should not be in UTF-16: one with many NULs is no text."""
    if len(start) >= _MANY and start.count(0) * 10 > len(start):
        return _sentence("no text but bytes, or in UTF-16 or UTF-32", "save it as UTF-8")
    return ""


def _sentence(what: str, todo: str) -> str:
    return f"The file is {what}; it must be plain text: {todo}."
