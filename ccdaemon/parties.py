"""Whom calls and messages are with: numbers and addresses, hidden in the register, and gone with their period's key.

Each is found by an index that says nothing to anybody who has not that key, so an old copy of the register cannot be
searched for a number either.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ccdaemon.faults import KeyUnusable
from ccdaemon.kept import ItemClass
from ccdaemon.keys import Keys


@dataclass(frozen=True, slots=True)
class Hidden:
    """A party as it stands in the register."""

    text: bytes
    index: str
    period: str


class Parties:
    """Hides and shows. `period` says on which key hangs what of a class began so many seconds after the epoch."""

    def __init__(self, keys: Keys, period: Callable[[ItemClass, float], str]) -> None:
        self._keys = keys
        self._period = period

    def hide(self, text: str, at: float, kind: ItemClass = "call") -> Hidden:
        """Raises `OSError` where the key of a new period cannot be written."""
        return self.hide_for(text, self._period(kind, at))

    def hide_for(self, text: str, period: str) -> Hidden:
        return Hidden(self._keys.hide(text, period), self._keys.index(text, period).hex(), period)

    def move(self, text: bytes, period: str, target: str) -> Hidden:
        """Hidden by another key. Raises `KeyUnusable`, `OSError`."""
        return self.hide_for(self._keys.show(text, period), target)

    def show(self, text: bytes, period: str) -> str | None:
        """Nothing, once its key is destroyed."""
        try:
            return self._keys.show(text, period)
        except (KeyUnusable, OSError):
            return None

    def indexes(self, text: str) -> list[str]:
        """By which a party may be found: one for each period whose key can be used."""
        found = []
        for period in self._keys.names():
            with suppress(KeyUnusable, OSError):
                found.append(self._keys.index(text, period).hex())
        return found
