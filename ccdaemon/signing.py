"""Signatures of the site: an Ed25519 key in a file, and JSON that is signed with it (RFC 8032).

What is signed are the bytes of the JSON without its signature, keys in order and without blanks, so that a file may be
laid out for people.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ccdaemon.faults import KeyUnusable

SIGNATURE = "signature"


def new_key() -> bytes:
    """A new private key, as it is written into its file (PEM, PKCS 8)."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_key(file: Path) -> Ed25519PrivateKey:
    """The private key in a file. Raises `KeyUnusable`."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        message = f"{file} is not there: `ccdaemon audit key --new` makes it"
        raise KeyUnusable(message) from None
    except OSError as fault:
        message = f"{file} cannot be read: {fault.strerror}. It is for root, and for the service that has it by systemd"
        raise KeyUnusable(message) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = f"{file} is no private key: `ccdaemon audit key --new` makes one, in another place"
        raise KeyUnusable(message) from None
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{file} is a key of another kind than Ed25519"
        raise KeyUnusable(message)
    return key


def public(key: Ed25519PrivateKey) -> str:
    """The public key as text: 32 bytes in base 64."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def signed(said: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The same with its signature."""
    return {**said, SIGNATURE: base64.b64encode(key.sign(_bytes(said))).decode()}


def holds(said: Mapping[str, Any], key: str) -> bool:
    """Was this signed with the private half of a public key, and nothing in it changed?"""
    try:
        signature = base64.b64decode(said[SIGNATURE], validate=True)
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True)).verify(signature, _bytes(said))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


class Signer:
    """The site's own key in its file, which is read each time: it may be made while we run."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def signed(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """The same with the public key and a signature. Raises `KeyUnusable`."""
        key = read_key(self._file)
        return signed({**said, "key": public(key)}, key)

    def holds(self, said: Mapping[str, Any]) -> bool:
        """Did this site sign it, as it stands there? Raises `KeyUnusable`."""
        return holds(said, public(read_key(self._file)))


def _bytes(said: Mapping[str, Any]) -> bytes:
    unsigned = {name: value for name, value in said.items() if name != SIGNATURE}
    return json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        errors="surrogatepass"
    )
