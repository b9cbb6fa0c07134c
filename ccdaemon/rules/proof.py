"""Who asks, and whose answer counts.

Any user of the machine may connect to the FastAGI port, and listen on it while the daemon is down. So each question
carries a nonce and the proof that its asker knows the secret, and each answer the proof that it answers this question.
The two are built differently, so that neither can be made from the other. Dialplan `cc-ask` holds the other side.
"""

from __future__ import annotations

import hashlib
import hmac
import re

MAX_AGE = 10.0  # seconds between the making of a nonce and its arrival; cc-ask gives up after 8
_NONCE = re.compile(r"(\d{10,12})-[0-9a-f-]{36}")


def _sha1(text: str) -> str:
    """As dialplan's SHA1(), which knows no other."""
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - not to be guessed in seconds; collisions are of no use


def asks(nonce: str, proof: str, secret: str) -> bool:
    """Does the asker know the secret?"""
    return hmac.compare_digest(proof.encode(), _sha1(f"{nonce} {secret}").encode())


def is_fresh(nonce: str, now: float) -> bool:
    """Was this nonce made just now? An older one may be a recording of an earlier question."""
    made = _NONCE.fullmatch(nonce)
    return made is not None and abs(now - int(made[1])) <= MAX_AGE


def answer_proof(nonce: str, answer: str, secret: str) -> str:
    """What goes back with an answer."""
    return _sha1(f"{secret} {nonce} {answer}")
