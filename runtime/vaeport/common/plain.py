"""Text from outside as a terminal may have it: no escape codes, no line breaks, nothing that turns the direction."""

_KEPT = frozenset("\u00a0\u3000\u200c\u200d")
"""Spaces, and the joiners that some scripts and emoji are written with: not printable to Python, harmless to show."""


def plain_text(text: str) -> str:
    r"""The text on one line, each character that is not printable in Python's notation: `\x1b`, `\n`, `\u202e`.

    Printable is what Unicode calls so, and the spaces and joiners of `_KEPT`. Control characters (C0, C1), line and
    paragraph separators, marks and overrides of direction, lone surrogates and unassigned characters are not.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in _KEPT
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
