"""Wrong PINs in the register, so that who is locked out is so after a restart too."""

from __future__ import annotations

from ccdaemon.store.rows import Rows


class Pins(Rows):
    async def pin_attempts(self) -> list[tuple[str, int, float]]:
        """Of each supervisor who was wrong: how often since they were last right, and when the newest was."""
        return [(*row,) for row in await self._rows("SELECT who, wrong, last FROM pin_attempts")]

    async def note_pin_attempts(self, who: str, wrong: int, last: float) -> None:
        """Instead of what stood there; none is no row."""
        values = {"who": who, "wrong": wrong, "last": last}
        await self._transact([(_NOTE if wrong else _FORGET, values)], [])


_NOTE = """
    INSERT INTO pin_attempts (who, wrong, last) VALUES (:who, :wrong, :last)
    ON CONFLICT (who) DO UPDATE SET wrong = :wrong, last = :last
"""
_FORGET = "DELETE FROM pin_attempts WHERE who = :who"
