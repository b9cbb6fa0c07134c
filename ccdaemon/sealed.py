"""Sealed files: only who has the key of a file reads it, and nobody changes, cuts, or renames it unseen.

AES-256-GCM in chunks of 64 KiB. The nonce of each is its number and whether it is the last (the STREAM construction of
Hoang, Reyhanitabar, Rogaway and Vizar, 2015), and the name under which the file was sealed is authenticated with each:
so a chunk that was altered, left out, moved, or comes from another file is refused, and so is a file that was cut off.
A key is used for one file, once; that makes counting nonces safe. Source: NIST SP 800-38D.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"ccsealed1\n"
CHUNK = 1 << 16  # bytes of content
TAG = 16  # bytes behind each chunk


class SealBroken(Exception):
    """The file is not what was sealed under this name with this key. Nothing of it is to be trusted."""


def new_key() -> bytes:
    """A key for one file."""
    return AESGCM.generate_key(256)


def seal(source: IO[bytes], sink: IO[bytes], key: bytes, name: str) -> None:
    """Write all that the source still holds into the sink, sealed."""
    cipher = AESGCM(key)
    sink.write(MAGIC)
    pieces = enumerate(_pieces(source, CHUNK))
    sink.writelines(
        cipher.encrypt(_nonce(number, last=last), piece, _bound_to(name)) for number, (piece, last) in pieces
    )


def unseal(source: IO[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The content, piece by piece, once all of it has proved whole: nothing is given out of a file that is not.

    The source is read twice, so it must be seekable. Raises `SealBroken`.
    """
    start = source.tell()
    for _ in _opened(source, key, name):
        pass
    source.seek(start)
    return _opened(source, key, name)


def _opened(source: IO[bytes], key: bytes, name: str) -> Iterator[bytes]:
    if source.read(len(MAGIC)) != MAGIC:
        message = f"{name} is no sealed file, or one of a newer ccdaemon"
        raise SealBroken(message)
    cipher = AESGCM(key)
    for number, (piece, last) in enumerate(_pieces(source, CHUNK + TAG)):
        try:
            yield cipher.decrypt(_nonce(number, last=last), piece, _bound_to(name))
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            message = (
                f"{name} is not what was sealed under this name: from byte {number * CHUNK} on it was "
                "altered or cut off, or the key is another's"
            )
            raise SealBroken(message) from None


def _pieces(source: IO[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of a size, each with whether it is the last, which may be shorter; of nothing, one that is empty."""
    piece = source.read(size)
    while True:
        following = source.read(size) if len(piece) == size else b""
        yield piece, not following
        if not following:
            return
        piece = following


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _bound_to(name: str) -> bytes:
    return MAGIC + name.encode()
