"""One digest covers the whole bundle: no bit of it may change, and an app may pin it."""

import hashlib
import pickle
import shutil
from pathlib import Path

import pytest

import vaeport
from tests.runtime.tampering import read_manifest, write_manifest
from vaeport.bundle.digest import check_digest, read_digest, with_digest
from vaeport.cli import main
from vaeport.errors import BundleError, InputError, SealError

OTHER = f"sha256:{'0' * 64}"


def test_digest_is_the_hash_of_the_manifest_without_its_second_line(tiny_bundle: Path) -> None:
    lines = (tiny_bundle / "bundle.json").read_bytes().splitlines(keepends=True)

    expected = hashlib.sha256(b"".join([lines[0], *lines[2:]])).hexdigest()

    assert lines[1].decode() == f'  "digest": "sha256:{expected}",\n'
    assert vaeport.open_bundle(tiny_bundle).digest == f"sha256:{expected}"


def test_digest_put_into_a_text_is_found_again() -> None:
    text = with_digest('{\n  "name": "café"\n}\n')

    expected = hashlib.sha256('{\n  "name": "café"\n}\n'.encode()).hexdigest()
    assert read_digest(text.encode()) == f"sha256:{expected}"


def test_every_flipped_bit_of_the_manifest_is_refused(tiny_bundle: Path) -> None:
    path = tiny_bundle / "bundle.json"
    content = path.read_bytes()
    kept = []
    for place in range(0, 8 * len(content), 7):  # coprime to 8: every bit of a byte comes by
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        try:
            read_digest(bytes(changed))
            kept.append(place)
        except BundleError:
            pass
    assert not kept


def test_manifest_with_another_word_for_the_same_is_refused(tiny_bundle: Path) -> None:
    path = tiny_bundle / "bundle.json"
    path.write_bytes(path.read_bytes().replace(b"e-0", b"E-0", 1))

    with pytest.raises(SealError, match=r"bundle\.json is not as it was sealed"):
        vaeport.open_bundle(tiny_bundle)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'  "digest": "sha256:' + b"A" * 64 + b'",\n',
        b'  "digest": "sha256:' + b"a" * 63 + b'",\n',
        b'  "digest": "md5:' + b"a" * 64 + b'",\n',
        b'  "digest":  "sha256:' + b"a" * 64 + b'",\n',
    ],
)
def test_manifest_without_a_digest_is_refused(line: bytes, tiny_bundle: Path) -> None:
    path = tiny_bundle / "bundle.json"
    first, _, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, line, *rest]))

    with pytest.raises(SealError, match=r"has no digest"):
        vaeport.open_bundle(tiny_bundle)


def test_earlier_contract_is_told_before_the_missing_digest(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    del manifest["digest"]
    write_manifest(tiny_bundle, {**manifest, "contract": 1})
    path = tiny_bundle / "bundle.json"
    first, _, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *rest]))

    with pytest.raises(BundleError, match="follows contract 1"):
        vaeport.open_bundle(tiny_bundle)


def test_pinned_digest_takes_that_bundle(tiny_bundle: Path) -> None:
    digest = vaeport.open_bundle(tiny_bundle).digest

    assert vaeport.load(tiny_bundle, digest=digest).bundle.digest == digest
    assert vaeport.verify(tiny_bundle, digest=digest).digest == digest


def test_pinned_digest_refuses_another_bundle_whose_seal_holds(tiny_bundle: Path) -> None:
    digest = vaeport.open_bundle(tiny_bundle).digest
    write_manifest(tiny_bundle, {**read_manifest(tiny_bundle), "description": "Another."})
    assert vaeport.open_bundle(tiny_bundle).manifest.description == "Another."

    for refused in (vaeport.load, vaeport.verify, vaeport.open_bundle):
        with pytest.raises(SealError, match=f"but {digest} was asked for"):
            refused(tiny_bundle, digest=digest)


@pytest.mark.parametrize("digest", ["", "0" * 64, "sha256:", f"sha256:{'0' * 63}", f"sha256:{'F' * 64}", f"{OTHER}\n"])
def test_what_is_no_digest_is_named(digest: str, tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match=r"digest is .*but must be 'sha256:'"):
        vaeport.load(tiny_bundle, digest=digest)


@pytest.mark.parametrize("digest", [1, b"sha256:", ["sha256:"], object()])
def test_digest_of_another_type_is_named(digest: object) -> None:
    with pytest.raises(InputError, match="digest is "):
        check_digest(digest)  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", ["info", "verify"])
def test_command_refuses_another_digest(verb: str, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([verb, str(tiny_bundle), "--digest", OTHER])

    assert code == {"info": 2, "verify": 1}[verb]
    assert "this is another bundle" in capsys.readouterr().err


def test_pickled_model_refuses_a_bundle_that_was_replaced(tiny_bundle: Path, tmp_path: Path) -> None:
    kept = Path(shutil.copytree(tiny_bundle, tmp_path / "kept"))
    pickled = pickle.dumps(vaeport.load(kept))
    write_manifest(kept, {**read_manifest(kept), "description": "Another."})

    with pytest.raises(SealError, match="this is another bundle"):
        pickle.loads(pickled)  # noqa: S301 - our own
