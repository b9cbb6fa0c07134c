"""All that the register has of somebody, and what holds keep of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection

from ccdaemon.cases import Subject
from ccdaemon.kept import Item
from ccdaemon.store.calls import Calls
from ccdaemon.store.items import Items
from ccdaemon.store.recordings import Recordings


class Subjects(Calls, Recordings, Items):
    """What is asked about somebody by their numbers and addresses."""

    async def subject(self, parties: Collection[str], since: float = 0.0, until: float = 1e12) -> Subject:
        """What is kept of them of a span of time."""
        indexes = await asyncio.to_thread(self._indexes, parties)
        values = {"indexes": json.dumps(indexes), "since": since, "until": until}
        calls = tuple(call for (call,) in await self._rows(_CALLS_WITH, values))
        recordings = await self.recordings_between(0.0, 1e12, limit=-1, parties=parties)
        items = await self.items_of(parties, calls)
        return Subject(
            calls,
            tuple(each for each in recordings if each.call in {*calls}),
            tuple(each for each in items if each.call in {*calls} or since <= each.at < until),
        )

    async def joint(self, calls: Collection[str], parties: Collection[str]) -> list[str]:
        """Those of some calls in which somebody else called too: calls that an agent joined."""
        indexes = await asyncio.to_thread(self._indexes, parties)
        values = {"calls": json.dumps([*calls]), "indexes": json.dumps(indexes)}
        return [call for (call,) in await self._rows(_JOINT, values)]

    async def going_on(self, calls: Collection[str]) -> list[str]:
        """Those of some calls that have not ended, or whose recordings are not finished."""
        return [call for (call,) in await self._rows(_GOING_ON, {"calls": json.dumps([*calls])})]

    def index_of(self, parties: Collection[str], now: float) -> str:
        """Of all of them together: the same for the same ones, as long as the key of this month's calls is there."""
        return self._parties.hide(" ".join(sorted(parties)), now).index

    async def held(self, calls: Collection[str], items: Collection[Item]) -> dict[str, list[int]]:
        """Those of them that holds keep, by their names, and by which."""
        values = {"calls": json.dumps([*calls]), "items": json.dumps([[each.kind, each.source] for each in items])}
        found: dict[str, list[int]] = {}
        for name, hold in await self._rows(_HELD, values):
            found.setdefault(name, []).append(hold)
        return found


_CALLS_WITH = """
    SELECT DISTINCT told.id FROM calls JOIN calls AS told ON told.id = coalesce(calls.merged, calls.id)
    WHERE calls.caller_index IN (SELECT value FROM json_each(:indexes))
    AND told.began >= :since AND told.began < :until ORDER BY told.began
"""
_JOINT = """
    SELECT DISTINCT coalesce(merged, id) FROM calls
    WHERE coalesce(merged, id) IN (SELECT value FROM json_each(:calls)) AND caller_index IS NOT NULL
    AND caller_index NOT IN (SELECT value FROM json_each(:indexes)) ORDER BY 1
"""
_HELD = """
    SELECT call, hold FROM held_calls WHERE call IN (SELECT value FROM json_each(:calls))
    UNION
    SELECT class || ':' || source, hold FROM held_items JOIN items ON items.id = held_items.item
    WHERE (class, source) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:items))
    ORDER BY 1, 2
"""
_GOING_ON = """
    SELECT id FROM calls WHERE id IN (SELECT value FROM json_each(:calls)) AND (
        ended IS NULL
        OR EXISTS (SELECT 1 FROM recordings WHERE recordings.call = calls.id AND file IS NULL AND fault IS NULL)
    )
"""
