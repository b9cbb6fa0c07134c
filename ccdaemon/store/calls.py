"""Calls in the register: who called, when, and all that happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ccdaemon.kept import Visit
from ccdaemon.store.rows import Rows

A_DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call in a list."""

    id: str
    began: float
    ended: float | None
    seen_end: bool
    dialled: str | None
    number: str | None
    service: str | None
    language: str | None
    tier: int | None
    recordings: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a call's timeline."""

    at: float
    kind: str
    leg: str | None
    detail: dict[str, Any]


class Calls(Rows):
    """What is asked about calls."""

    async def open_calls(self) -> list[str]:
        """Calls that have not ended, as far as the register knows."""
        return [call for (call,) in await self._rows("SELECT id FROM calls WHERE ended IS NULL")]

    async def open_legs(self) -> list[tuple[str, str]]:
        """Legs that have not ended, each with its call."""
        return [(leg, call) for leg, call in await self._rows("SELECT id, call FROM legs WHERE ended IS NULL")]

    async def open_visits(self) -> list[tuple[str, str, str]]:
        """Visits to queues that have not ended: leg, queue and call."""
        rows = await self._rows("SELECT leg, queue, call FROM visits WHERE left_at IS NULL")
        return [(leg, queue, call) for leg, queue, call in rows]

    async def ended_visits(self, since: float) -> list[Visit]:
        """Stays in queues that ended after a moment, of calls that began less than a day before it."""
        rows = await self._rows(
            """
            SELECT leg, queue, joined, left_at, outcome FROM calls JOIN visits ON visits.call = calls.id
            WHERE began >= :earlier AND left_at >= :since AND outcome IS NOT NULL ORDER BY joined
            """,
            {"since": since, "earlier": since - A_DAY},
        )
        return [Visit(*row) for row in rows]

    async def calls(
        self, since: float, until: float, service: str | None = None, limit: int = 1000, number: str | None = None
    ) -> list[CallRow]:
        """Calls that began in a span of time, the newest first; of a service, or from a number, only."""
        rows = await self._rows(
            """
            SELECT * FROM told_calls
            WHERE began >= :since AND began < :until AND merged IS NULL AND (:service IS NULL OR service = :service)
            AND (:indexes IS NULL OR caller_index IN (SELECT value FROM json_each(:indexes)))
            ORDER BY began DESC LIMIT :limit
            """,
            {
                "since": since,
                "until": until,
                "service": service,
                "limit": limit,
                "indexes": None if number is None else json.dumps(self._parties.indexes(number)),
            },
        )
        return [self._call_row(row) for row in rows]

    async def call(self, call: str) -> CallRow | None:
        """One call; after a merger the one that it became part of."""
        rows = await self._rows(
            "SELECT * FROM told_calls WHERE id = coalesce((SELECT merged FROM calls WHERE id = :call), :call)",
            {"call": call},
        )
        return self._call_row(rows[0]) if rows else None

    async def began(self, call: str) -> float | None:
        """When a call began; after a merger the one that it became part of."""
        found = await self.call(call)
        return found.began if found else None

    async def timeline(self, call: str) -> list[Moment]:
        """Everything that is known of a call, in its order."""
        rows = await self._rows(
            """
            SELECT at, kind, leg, detail FROM events
            WHERE call IN (SELECT id FROM calls WHERE id = :call OR merged = :call)
            GROUP BY CASE kind WHEN 'door' THEN detail ELSE id END  -- of two calls that became one both have it
            UNION ALL
            SELECT began, 'leg began', id, json_object('channel', channel) FROM legs WHERE call = :call
            UNION ALL
            SELECT ended, 'leg ended', id, json_object('channel', channel, 'cause', cause)
            FROM legs WHERE call = :call AND ended IS NOT NULL
            UNION ALL
            SELECT joined, 'joined queue', leg, json_object('queue', queue) FROM visits WHERE call = :call
            UNION ALL
            SELECT left_at, 'left queue', leg, json_object('queue', queue, 'outcome', outcome, 'member', member)
            FROM visits WHERE call = :call AND left_at IS NOT NULL
            UNION ALL
            SELECT started, 'recorder started', leg, '{}' FROM recordings
            WHERE call = :call AND started IS NOT NULL AND class = 'recording'
            UNION ALL
            SELECT started, 'message', leg, json_object('seconds', seconds) FROM recordings
            WHERE call = :call AND started IS NOT NULL AND class = 'message'
            UNION ALL
            SELECT stopped, 'recorder stopped', leg, json_object('reason', reason)
            FROM recordings WHERE call = :call AND stopped IS NOT NULL AND class = 'recording'
            ORDER BY 1
            """,
            {"call": call},
        )
        return [Moment(at, kind, leg, json.loads(detail)) for at, kind, leg, detail in rows]

    def _call_row(self, row: Any) -> CallRow:  # noqa: ANN401 - sqlite3 rows have no type
        call, began, ended, seen_end, dialled, caller, period, service, language, tier, recordings, *_ = row
        number = self._parties.show(caller, period) if caller else None
        return CallRow(call, began, ended, bool(seen_end), dialled, number, service, language, tier, recordings)
