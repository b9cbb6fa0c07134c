"""Rulings in the register: lines that somebody has opened or closed, until they take it back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from ccdaemon.chain import Link
from ccdaemon.model import Ruling
from ccdaemon.store.rows import Rows


class Rulings(Rows):
    """Each change stands in the audit chain with who made it."""

    async def rulings(self) -> list[Ruling]:
        return [Ruling(*row) for row in await self._rows("SELECT service, state, message, since, who FROM rulings")]

    async def rule(self, rulings: Sequence[Ruling]) -> None:
        """Instead of what was ruled of these lines before."""
        links = [Link(ruling.since, "ruling", asdict(ruling)) for ruling in rulings]
        await self._transact([(_RULE, asdict(ruling)) for ruling in rulings], links)

    async def take_back(self, services: Collection[str], who: str, now: float) -> None:
        """Back to the timetable."""
        links = [Link(now, "ruling", {"service": service, "state": "timetable", "who": who}) for service in services]
        statement = "DELETE FROM rulings WHERE service = :service"
        await self._transact([(statement, {"service": service}) for service in services], links)


_RULE = """
    INSERT INTO rulings (service, state, message, since, who) VALUES (:service, :state, :message, :since, :who)
    ON CONFLICT (service) DO UPDATE SET state = :state, message = :message, since = :since, who = :who
"""
