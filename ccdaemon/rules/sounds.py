"""Where a prompt's sound lies below a language's folder."""

from __future__ import annotations

ASTERISKS_OWN = ("queue-", "digits/")


def sound(prompt: str) -> str:
    """Path without ending. Ours lie in `cc/`; the names that Asterisk plays by itself, at the root."""
    return prompt if prompt.startswith(ASTERISKS_OWN) else f"cc/{prompt}"
