"""PINs of supervisors, as the site's file has them: nothing from which a PIN could be read back.

`scrypt$N$r$p$SALT$HASH`, the last two in base 64. Source: RFC 7914.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from itertools import pairwise

COST, BLOCK, PARALLEL = 2**15, 8, 1  # 32 MiB and some 0.1 s: whoever has the file pays that for every guess
FEWEST = 4  # different digits
MEMORY = 256 * 2**20  # bytes that one check may take


SHORTEST, LONGEST = 6, 12  # digits


def weakness(pin: str) -> str | None:
    """Why a PIN is too easy to guess, in words for whoever chose it; None if it is not."""
    if not (pin.isdecimal() and pin.isascii() and SHORTEST <= len(pin) <= LONGEST):
        return f"a PIN has {SHORTEST} to {LONGEST} digits, and nothing else"
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if len(steps) == 1 or len(set(pin)) < FEWEST:
        return f"that is the first PIN that anybody would try: take {FEWEST} different digits or more, and no sequence"
    return None


def hashed(pin: str) -> str:
    """What the site's file has of a new PIN."""
    salt = secrets.token_bytes(16)
    ends = (b64encode(each).decode() for each in (salt, _hash(pin, salt)))
    return "$".join(("scrypt", str(COST), str(BLOCK), str(PARALLEL), *ends))


def is_right(pin: str, written: str) -> bool:
    """Is this the PIN of which that was made? Takes a tenth of a second: for a thread."""
    _, cost, block, parallel, salt, expected = written.split("$")
    found = _hash(pin, b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, b64decode(expected))


def _hash(pin: str, salt: bytes, cost: int = COST, block: int = BLOCK, parallel: int = PARALLEL) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=MEMORY, dklen=32)
