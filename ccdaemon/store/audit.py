"""The audit chain in the register."""

from __future__ import annotations

import json
from collections.abc import Collection

from ccdaemon.chain import Head, Link, Row, Verification
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

    async def audited_between(self, since: float, until: float) -> list[Row]:
        """The rows of the audit chain of a span of time."""
        rows = await self._rows(
            "SELECT seq, at, kind, detail, hash FROM audit WHERE at >= :since AND at < :until ORDER BY seq",
            {"since": round(1000 * since), "until": round(1000 * until)},
        )
        return [Row(*row) for row in rows]

    async def verify(self, against: Head | None = None) -> Verification:
        """Hold the rows of the audit chain against each other, and against a head that was kept elsewhere."""
        found = Verification(against)
        page = "SELECT seq, at, kind, detail, hash FROM audit WHERE seq > :after ORDER BY seq LIMIT 1000"
        while rows := await self._rows(page, {"after": found.head.seq}):
            for row in rows:
                found.take(Row(*row))
        found.end()
        return found
