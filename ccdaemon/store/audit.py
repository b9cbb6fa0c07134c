"""The audit chain in the register."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from ccdaemon.chain import CHECKPOINT, Head, Link, Row, Verification
from ccdaemon.store.database import HEAD
from ccdaemon.store.rows import Rows


class Audit(Rows):
    """What is asked about the chain."""

    async def head(self) -> Head:
        """The last row of the audit chain."""
        rows = await self._rows(HEAD)
        return Head(*rows[0]) if rows else Head()

    async def audit(self, link: Link) -> None:
        """Add to the chain what is no notice of a call. Raises `RegisterFull`."""
        await self._transact([], [link])

    async def last_audited(self, kind: str) -> str | None:
        """The hash that the last row of a kind names."""
        rows = await self._rows(
            "SELECT json_extract(detail, '$.sha256') FROM audit WHERE kind = :kind AND json_valid(detail) "
            "ORDER BY seq DESC LIMIT 1",
            {"kind": kind},
        )
        return rows[0][0] if rows else None

    async def last_at(self, kind: str) -> float | None:
        """When the last row of a kind was written."""
        rows = await self._rows("SELECT at FROM audit WHERE kind = :kind ORDER BY seq DESC LIMIT 1", {"kind": kind})
        return rows[0][0] / 1000 if rows else None

    async def audited(self, call: str) -> list[Row]:
        """The rows of the audit chain that speak of a call, or of one that became part of it."""
        rows = await self._rows(
            """
            WITH mine AS (SELECT id FROM calls WHERE id = :call OR merged = :call)
            SELECT seq, at, kind, detail, hash FROM audit
            WHERE json_valid(detail) AND (
                json_extract(detail, '$.call') IN mine
                OR EXISTS (
                    SELECT 1 FROM json_each(detail, '$.channels') AS channel
                    WHERE CASE channel.type WHEN 'object' THEN json_extract(channel.value, '$.call') END IN mine
                )
            )
            ORDER BY seq
            """,
            {"call": call},
        )
        return [Row(*row) for row in rows]

    async def audited_of(self, legs: Collection[str]) -> list[Row]:
        """The rows about recordings of some legs, and about their going on."""
        rows = await self._rows(
            """
            SELECT seq, at, kind, detail, hash FROM audit
            WHERE kind IN ('recording', 'resumption') AND json_valid(detail)
            AND json_extract(detail, '$.leg') IN (SELECT value FROM json_each(:legs)) ORDER BY seq
            """,
            {"legs": json.dumps([*legs])},
        )
        return [Row(*row) for row in rows]

    async def accesses_of(self, leg: str, segment: int) -> list[Row]:
        """Who opened a recording, or looked at what is known of it."""
        rows = await self._rows(
            """
            SELECT seq, at, kind, detail, hash FROM audit WHERE kind = 'access' AND json_valid(detail)
            AND json_extract(detail, '$.leg') = :leg AND json_extract(detail, '$.segment') = :segment ORDER BY seq
            """,
            {"leg": leg, "segment": segment},
        )
        return [Row(*row) for row in rows]

    async def audited_between(self, since: float, until: float) -> list[Row]:
        """The rows of the audit chain of a span of time."""
        rows = await self._rows(
            "SELECT seq, at, kind, detail, hash FROM audit WHERE at >= :since AND at < :until ORDER BY seq",
            {"since": round(1000 * since), "until": round(1000 * until)},
        )
        return [Row(*row) for row in rows]

    async def checkpoint(self) -> dict[str, Any] | None:
        """What the newest one says, signature and all."""
        rows = await self._rows(_CHECKPOINT, {"kind": CHECKPOINT})
        return json.loads(rows[0][0]) if rows else None

    async def outdated(self, before: float) -> tuple[Head, int] | None:
        """The last of the rows behind the newest checkpoint that are older than all that follow, and their number."""
        rows = await self._rows(_OUTDATED, {"before": round(1000 * before)})
        return (Head(*rows[0][:2]), rows[0][2]) if rows else None

    async def drop_outdated(self, limit: int) -> int:
        """The next few rows up to the newest checkpoint go; how many."""
        return await self._within(lambda connection: connection.execute(_DROP, {"limit": limit}).rowcount)

    async def verify(self, against: Iterable[Head] = ()) -> Verification:
        """Hold the rows of the audit chain against each other, and against heads that were kept elsewhere."""
        checkpoint = await self.checkpoint()
        found = Verification(against, Head(checkpoint["seq"], checkpoint["hash"]) if checkpoint else None)
        page = "SELECT seq, at, kind, detail, hash FROM audit WHERE seq > :after ORDER BY seq LIMIT 1000"
        while rows := await self._rows(page, {"after": found.head.seq}):
            for row in rows:
                found.take(Row(*row))
        if await self.checkpoint() != checkpoint:  # rows went while we read
            return await self.verify(against)
        found.end()
        return found


_CHECKPOINT = "SELECT detail FROM audit WHERE kind = :kind ORDER BY seq DESC LIMIT 1"
_OUTDATED = """
    SELECT audit.seq, hash, audit.seq - audit_behind.seq FROM audit, audit_behind
    WHERE audit.seq > audit_behind.seq AND audit.seq < (SELECT min(seq) FROM audit WHERE at >= :before)
    ORDER BY audit.seq DESC LIMIT 1
"""
_DROP = """
    DELETE FROM audit WHERE seq IN (
        SELECT audit.seq FROM audit, audit_behind WHERE audit.seq <= audit_behind.seq ORDER BY audit.seq LIMIT :limit
    )
"""
