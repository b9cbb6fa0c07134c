"""Recordings in the register: what became of each, and what opens it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from dataclasses import asdict, replace

from ccdaemon.kept import FinishedFile, Kept, Recorded, Recording
from ccdaemon.store import audited
from ccdaemon.store.rows import Rows


class Recordings(Rows):
    """What is asked about recordings."""

    async def recordings(self, call: str) -> list[Recording]:
        """The recordings of a call, in their order."""
        rows = await self._rows(f"{_RECORDING} WHERE call = :call ORDER BY started, leg, segment", {"call": call})
        return [Recording(*row) for row in rows]

    async def recordings_of(self, legs: Collection[str]) -> list[Recording]:
        """The recordings of some legs, in their order."""
        chosen = "WHERE leg IN (SELECT value FROM json_each(:legs)) ORDER BY started, leg, segment"
        rows = await self._rows(f"{_RECORDING} {chosen}", {"legs": json.dumps([*legs])})
        return [Recording(*row) for row in rows]

    async def recordings_between(
        self,
        since: float,
        until: float,
        service: str | None = None,
        limit: int = 1000,
        *,
        parties: Collection[str] | None = None,
        agent: str | None = None,
        call: str | None = None,
        kind: Recorded | None = None,
    ) -> list[Recording]:
        """Finished recordings of calls that began in a span of time, the newest first; messages too, or one `kind`.

        Only those of a service, of calls with some `parties`, of an `agent` by their endpoint, or of one `call`.
        """
        values = {"since": since, "until": until, "service": service, "limit": limit, "agent": agent, "call": call}
        values["kind"] = kind
        indexes = None if parties is None else [index for each in parties for index in self._parties.indexes(each)]
        rows = await self._rows(
            f"{_RECORDING} {_FOUND}", {**values, "indexes": None if indexes is None else json.dumps(indexes)}
        )
        return [Recording(*row) for row in rows]

    async def objections(self, calls: Collection[str]) -> dict[str, float]:
        """Those of some calls whose caller objected to being recorded, and when they first did."""
        return dict(await self._rows(_OBJECTIONS, {"calls": json.dumps([*calls])}))

    async def recording(self, leg: str, segment: int) -> Recording | None:
        """What is known of one."""
        rows = await self._rows(
            f"{_RECORDING} WHERE leg = :leg AND segment = :segment", {"leg": leg, "segment": segment}
        )
        return Recording(*rows[0]) if rows else None

    async def unfinished_recordings(self) -> list[Recording]:
        """Recordings without a finished file and without a known reason for it."""
        return [Recording(*row) for row in await self._rows(f"{_RECORDING} WHERE file IS NULL AND fault IS NULL")]

    async def kept(self, leg: str, segment: int) -> Kept | None:
        """Where a finished recording lies."""
        rows = await self._rows(
            "SELECT file, period, wrapped FROM recordings "
            "WHERE leg = :leg AND segment = :segment AND wrapped IS NOT NULL",
            {"leg": leg, "segment": segment},
        )
        return Kept(*rows[0]) if rows else None

    async def finished_files(self) -> set[str]:
        """The files of all finished recordings."""
        return {file for (file,) in await self._rows("SELECT file FROM recordings WHERE file IS NOT NULL")}

    async def lose_recording(self, file: str, fault: str) -> None:
        """The file of a finished recording is gone, and nobody deleted it."""
        for row in await self._rows(f"{_RECORDING} WHERE file = :file", {"file": file}):
            lost = replace(Recording(*row), fault=fault)
            await self._transact([(_LOSE, {"file": file, "fault": fault})], [audited.of_recording(lost, time.time())])

    async def finish_recording(
        self, row: Recording, done: FinishedFile | None = None, since: float | None = None
    ) -> None:
        """Enter a finished recording, or what became of it. What is known already of its beginning and end stays.

        Retention counts `since` its call began.
        """
        values = {**asdict(row), "period": done and done.period, "wrapped": done and done.wrapped, "since": since}
        await self._transact([(FINISH, values)], [audited.of_recording(row, time.time())])


FINISH = """
    INSERT INTO recordings (leg, segment, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault,
                            since, period, wrapped, class)
    VALUES (:leg, :segment, coalesce((SELECT merged FROM calls WHERE id = :call), :call), :service, :started, :stopped,
            :reason, :file, :seconds, :bytes, :sha256, :fault, :since, :period, :wrapped, :kind)
    ON CONFLICT (leg, segment) DO UPDATE SET
        call = coalesce(call, excluded.call), service = coalesce(:service, service),
        started = coalesce(started, :started), stopped = coalesce(stopped, :stopped),
        reason = coalesce(reason, :reason),
        file = :file, seconds = :seconds, bytes = :bytes, sha256 = :sha256, fault = :fault,
        since = coalesce(:since, since), period = coalesce(:period, period), wrapped = coalesce(:wrapped, wrapped)
"""
_OBJECTIONS = """
    SELECT coalesce(calls.merged, calls.id), min(events.at) FROM calls JOIN events ON events.call = calls.id
    WHERE kind = 'objection' AND (
        calls.id IN (SELECT value FROM json_each(:calls)) OR calls.merged IN (SELECT value FROM json_each(:calls))
    )
    GROUP BY 1
"""
_LOSE = "UPDATE recordings SET fault = :fault WHERE file = :file"
_RECORDING = """
    SELECT leg, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault, segment, class
    FROM recordings
"""
_FOUND = """
    WHERE since >= :since AND since < :until AND wrapped IS NOT NULL
    AND (:kind IS NULL OR class = :kind) AND (:service IS NULL OR service = :service)
    AND (:call IS NULL OR call = :call)
    AND (:indexes IS NULL OR call IN (
        SELECT coalesce(merged, id) FROM calls WHERE caller_index IN (SELECT value FROM json_each(:indexes))
    ))
    AND (:agent IS NULL OR leg IN (  -- what Asterisk makes a name of: PJSIP/1001-0000002a
        SELECT id FROM legs WHERE substr(channel, 1, length(channel) - 9) = 'PJSIP/' || :agent
    ))
    ORDER BY since DESC, leg, segment LIMIT :limit
"""
