"""Agents who are logged in, in the register, so that they are so after a restart too."""

from __future__ import annotations

from dataclasses import asdict

from ccdaemon.agents import Shift
from ccdaemon.store.rows import Rows


class Shifts(Rows):
    async def shifts(self) -> list[Shift]:
        return [Shift(*row) for row in await self._rows(_ALL)]

    async def keep_shift(self, shift: Shift) -> None:
        """Instead of what stood there of this phone."""
        await self._transact([(_KEEP, asdict(shift))], [])

    async def end_shift(self, extension: str) -> None:
        await self._transact([(_END, {"extension": extension})], [])


_ALL = "SELECT extension, endpoint, since, paused, until, unanswered FROM shifts"
_KEEP = """
    INSERT INTO shifts (extension, endpoint, since, paused, until, unanswered)
    VALUES (:extension, :endpoint, :since, :paused, :until, :unanswered)
    ON CONFLICT (extension) DO UPDATE SET
        endpoint = :endpoint, since = :since, paused = :paused, until = :until, unanswered = :unanswered
"""
_END = "DELETE FROM shifts WHERE extension = :extension"
