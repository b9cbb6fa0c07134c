"""The register in figures, for status and metrics."""

from __future__ import annotations

import json

from ccdaemon.kept import IMPORTED
from ccdaemon.store.rows import Rows


class Summary(Rows):
    """Each is cheap: they are asked again and again."""

    async def size(self) -> int:
        """Bytes of the database."""
        ((pages,),) = await self._rows("PRAGMA page_count")
        ((size,),) = await self._rows("PRAGMA page_size")
        return int(pages) * int(size)

    async def oldest(self) -> float | None:
        """When the oldest call began, or the oldest item came, that is kept with whom it was, and under no hold."""
        found = [row for (row,) in await self._rows(_OLDEST, {"classes": json.dumps(IMPORTED)}) if row is not None]
        return min(found, default=None)

    async def last_night(self) -> tuple[float, bool] | None:
        """When the last run of expiry began that came to its end, and whether it deleted all that was due."""
        rows = await self._rows("SELECT began, whole FROM runs ORDER BY began DESC LIMIT 1")
        return (float(rows[0][0]), bool(rows[0][1])) if rows else None


_OLDEST = """
    SELECT (SELECT began FROM unheld_calls ORDER BY began LIMIT 1)
    UNION ALL SELECT (
        SELECT since FROM recordings
        WHERE since IS NOT NULL AND wrapped IS NOT NULL AND call NOT IN (SELECT call FROM held_calls)
        ORDER BY since LIMIT 1
    )
    UNION ALL SELECT (
        SELECT at FROM items WHERE class = kind.value AND id NOT IN (SELECT item FROM held_items) ORDER BY at LIMIT 1
    ) FROM json_each(:classes) AS kind
"""
