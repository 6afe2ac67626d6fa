"""The bundle's digest: one SHA-256 that covers the manifest, and through its list every file of the bundle.

It stands in the second line of `bundle.json` and is the SHA-256 of the file's bytes without that line. So it needs no
rules on how numbers or strings are spelled, and any language can check it before it parses anything (docs/contract.md).
"""

from __future__ import annotations

import hashlib
import re

from ..common.arguments import shown
from ..contract import MANIFEST_FILE
from ..errors import InputError, SealError

_OPENING = b"{\n"
_LINE = re.compile(rb'  "digest": "(sha256:[0-9a-f]{64})",\n')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def with_digest(text: str) -> str:
    """Put the digest into the text of a manifest that has none.

    Args:
        text: a JSON object, indented by two spaces.
    """
    content = text.encode("utf-8")
    opening = _OPENING.decode()
    return f'{opening}  "digest": "{_digest(content)}",\n{text.removeprefix(opening)}'


def has_digest(content: bytes) -> bool:
    """Whether the content of a `bundle.json` says what its digest should be."""
    return content.startswith(_OPENING) and _LINE.match(content, len(_OPENING)) is not None


def read_digest(content: bytes) -> str:
    """The digest of a bundle, `sha256:` and 64 lower-case hexadecimal digits, from the content of its `bundle.json`.

    Raises:
        SealError: there is none, or the content is not what it was made from.
    """
    line = _LINE.match(content, len(_OPENING)) if content.startswith(_OPENING) else None
    if line is None:
        raise SealError(
            f'broken seal, {MANIFEST_FILE} has no digest ("sha256:..." in its second line); '
            "fetch or export the bundle again"
        )
    digest = line[1].decode()
    if digest != _digest(_OPENING + content[line.end() :]):
        raise SealError(f"broken seal, {MANIFEST_FILE} is not as it was sealed; fetch or export the bundle again")
    return digest


def check_digest(digest: str) -> None:
    """Refuse what is no digest, so that a slip in an app's settings is not taken for another bundle.

    Raises:
        InputError: not `sha256:` and 64 lower-case hexadecimal digits.
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InputError(
            f"digest is {shown(digest)}, but must be 'sha256:' and 64 lower-case hexadecimal digits, "
            "as `vaeport info` prints it"
        )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
