"""Messages in the register: entered with their recording, brought to agents, and done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

from ccdaemon.chain import Link
from ccdaemon.kept import FinishedFile, Recording, Task
from ccdaemon.store import audited
from ccdaemon.store.recordings import FINISH
from ccdaemon.store.rows import Rows


class Messages(Rows):
    """What is asked about messages, and said of them."""

    async def take_message(
        self, row: Recording, done: FinishedFile, since: float, language: str | None, now: float
    ) -> None:
        """Enter one that is sealed, as a task. All or nothing: the raw one goes after this."""
        values = {**asdict(row), "period": done.period, "wrapped": done.wrapped, "since": since}
        task = {"leg": row.leg, "segment": row.segment, "language": language}
        await self._transact([(FINISH, values), (_ADD, task)], [audited.of_recording(row, now)])

    async def waiting_messages(self) -> list[Task]:
        """Those that nobody has done, and that can be opened still; the oldest first."""
        return [Task(*row) for row in await self._rows(f"{_TASK} WHERE {_WAITS} ORDER BY left_at, messages.leg")]

    async def messages(self, since: float, until: float, service: str | None, limit: int) -> list[Task]:
        """Those that were left in a span of time, done or not; the newest first."""
        values = {"since": since, "until": until, "service": service, "limit": limit}
        return [Task(*row) for row in await self._rows(f"{_TASK} {_BETWEEN}", values)]

    async def count_messages(self) -> dict[str, int]:
        """How many wait, by service."""
        return dict(Counter(task.service for task in await self.waiting_messages()))

    async def caller_of(self, call: str) -> str | None:
        """Who left it, as long as the call has its number."""
        rows = await self._rows(
            "SELECT caller, period FROM calls WHERE id = :call AND caller IS NOT NULL", {"call": call}
        )
        return self._parties.show(*rows[0]) if rows else None

    async def bring_message(self, task: Task, tries: int, now: float, why: Mapping[str, object]) -> None:
        """That it is opened for an agent stands in the audit chain, before it is."""
        values = {"leg": task.leg, "segment": task.segment, "tries": tries, "tried": now}
        link = Link(now, "access", {"leg": task.leg, "segment": task.segment, **why})
        await self._transact([(_TRY, values)], [link])

    async def untry_message(self, task: Task) -> None:
        """It was not brought after all."""
        values = {"leg": task.leg, "segment": task.segment, "tries": task.tries, "tried": task.tried}
        await self._transact([(_TRY, values)], [])

    async def finish_message(self, leg: str, segment: int, doer: str, now: float) -> bool:
        """Somebody has done it. False if there is no such message, or it was done before."""
        values = {"leg": leg, "segment": segment, "doer": doer, "now": now}
        link = Link(now, "message", {"leg": leg, "segment": segment, "did": "done", "who": doer})
        return await self._within(
            lambda connection: connection.execute(_DONE, values).rowcount == 1, lambda done: [link] if done else []
        )

    async def hear_message(self, leg: str, segment: int, phone: str, now: float) -> None:
        """A phone has answered for it."""
        await self._transact([], [Link(now, "message", {"leg": leg, "segment": segment, "did": "heard", "who": phone})])


_ADD = """
    INSERT INTO messages (leg, segment, language) VALUES (:leg, :segment, :language)
    ON CONFLICT (leg, segment) DO NOTHING
"""
_TASK = """
    SELECT messages.leg, messages.segment, call, service, language, coalesce(started, since) AS left_at, seconds, tries,
           tried, done, doer
    FROM messages JOIN recordings ON recordings.leg = messages.leg AND recordings.segment = messages.segment
"""
_WAITS = "done IS NULL AND wrapped IS NOT NULL AND fault IS NULL"
_BETWEEN = """
    WHERE since >= :since AND since < :until AND (:service IS NULL OR service = :service) AND wrapped IS NOT NULL
    ORDER BY left_at DESC, messages.leg, messages.segment LIMIT :limit
"""
_TRY = "UPDATE messages SET tries = :tries, tried = :tried WHERE leg = :leg AND segment = :segment"
_DONE = """
    UPDATE messages SET done = :now, doer = :doer WHERE leg = :leg AND segment = :segment AND done IS NULL
"""
