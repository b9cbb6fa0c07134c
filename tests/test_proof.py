"""Whose questions are answered, and whose answers count."""

from __future__ import annotations

import hashlib

import pytest

from ccdaemon.rules.proof import MAX_AGE, answer_proof, asks, is_fresh

SECRET = "a-secret-of-this-test"
NONCE = "1783328400-0a1b2c3d-0000-4000-8000-0123456789ab"  # ${EPOCH}-${UUID()}
MADE = 1783328400.0


def sha1(text: str) -> str:
    """What the dialplan's SHA1() makes of a text."""
    return hashlib.sha1(text.encode()).hexdigest()


def test_the_proofs_are_those_that_the_dialplan_builds() -> None:
    """`SHA1(nonce secret)` asks, `SHA1(secret nonce result)` answers: see dialplan/cc-ask.conf."""
    assert asks(NONCE, sha1(f"{NONCE} {SECRET}"), SECRET)
    assert answer_proof(NONCE, "goodbye", SECRET) == sha1(f"{SECRET} {NONCE} goodbye")


@pytest.mark.parametrize(
    ("whose", "proof"),
    [
        ("who knows another secret", sha1(f"{NONCE} another-secret-of-this-test")),
        ("who asked something else", sha1(f"{NONCE}0 {SECRET}")),
        ("who gives none", ""),
        ("who writes it in capitals", sha1(f"{NONCE} {SECRET}").upper()),
        ("who sends what no hash is", "Æ" * 40),
        ("who sends the proof of an answer", answer_proof(NONCE, "", SECRET)),
    ],
)
def test_nobody_else_may_ask(whose: str, proof: str) -> None:
    assert not asks(NONCE, proof, SECRET), whose


def test_an_answer_counts_for_one_question_and_one_result_only() -> None:
    proof = answer_proof(NONCE, "queue:housing:cy:1:1", SECRET)
    assert proof != answer_proof(NONCE, "queue:housing:cy:0:1", SECRET)
    assert proof != answer_proof(NONCE.replace("ab", "ba"), "queue:housing:cy:1:1", SECRET)
    assert proof != answer_proof(NONCE, "queue:housing:cy:1:1", SECRET + "x")


@pytest.mark.parametrize(
    ("later", "fresh"),
    [(0.0, True), (MAX_AGE, True), (-MAX_AGE, True), (MAX_AGE + 0.001, False), (-MAX_AGE - 0.001, False), (1e9, False)],
)
def test_a_question_is_fresh_for_some_seconds(*, later: float, fresh: bool) -> None:
    assert is_fresh(NONCE, MADE + later) is fresh


@pytest.mark.parametrize(
    "nonce",
    ["", "1783328400", "1783328400-", f"x{NONCE}", f"{NONCE}x", f"{NONCE}\n", NONCE.replace("-", " "), NONCE.upper()],
)
def test_what_has_not_the_form_of_a_nonce_is_never_fresh(nonce: str) -> None:
    assert not is_fresh(nonce, MADE)
