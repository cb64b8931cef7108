"""Where a piece of text lies without the white space at its edges."""

from __future__ import annotations

# White space as Unicode has it, in any script; the same set stands in the database (marginalia_trimmed).
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A piece's place without the white space at its edges, in code points; white space alone stays as it is."""
    words = text[start:end]
    if not words.strip(WHITE):
        return start, end
    return start + len(words) - len(words.lstrip(WHITE)), end - len(words) + len(words.rstrip(WHITE))
