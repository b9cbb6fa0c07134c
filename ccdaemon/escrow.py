"""A sealed copy of the site's keys for the safe: whoever has it and its passphrase can open all that is kept.

One file: salt, and the keys as JSON under AES-256-GCM, its key made of the passphrase by scrypt (RFC 7914), slowly, so
that passphrases cannot be tried one after the other.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ccdaemon.faults import KeyUnusable

MAGIC = b"ccescrow1\n"
SALT, NONCE = 16, 12  # bytes
COST, BLOCKS = 2**17, 8  # 128 MiB, about half a second


def sealed(keys: Mapping[str, bytes], passphrase: str) -> bytes:
    """The keys, each by its name, for whoever knows the passphrase."""
    salt, nonce = os.urandom(SALT), os.urandom(NONCE)
    said = json.dumps({name: base64.b64encode(key).decode() for name, key in keys.items()}).encode()
    return MAGIC + salt + nonce + _cipher(passphrase, salt).encrypt(nonce, said, MAGIC)


def opened(file: bytes, passphrase: str) -> dict[str, bytes]:
    """Raises `KeyUnusable`."""
    if not file.startswith(MAGIC):
        message = "this is no escrow of keys, or one of a newer ccdaemon"
        raise KeyUnusable(message)
    salt, nonce, content = file[10:26], file[26:38], file[38:]
    try:
        said = _cipher(passphrase, salt).decrypt(nonce, content, MAGIC)
    except (InvalidTag, ValueError):
        message = "this is not its passphrase, or the file has been altered"
        raise KeyUnusable(message) from None
    return {name: base64.b64decode(key) for name, key in json.loads(said).items()}


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt, 32, COST, BLOCKS, 1).derive(passphrase.encode()))
