"""Scores in the register, and the recordings that may get one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from ccdaemon.chain import Link
from ccdaemon.scoring import Sample, Score
from ccdaemon.store.rows import Rows


class Scores(Rows):
    """What is asked about scores, and said of recordings."""

    async def unscored(self, services: Collection[str], since: float, shortest: float) -> list[Sample]:
        """Recordings that may be scored: whole ones, of legs without a score, whose caller did not object."""
        values = {"services": json.dumps([*services]), "since": since, "shortest": shortest}
        return [Sample(*row) for row in await self._rows(_UNSCORED, values)]

    async def scored_since(self, since: float) -> Counter[str]:
        """How many scores each agent has, by their extension."""
        return Counter(
            dict(await self._rows("SELECT agent, count(*) FROM scores WHERE at >= :at GROUP BY 1", {"at": since}))
        )

    async def enter_score(self, score: Score) -> bool:
        """False if somebody was faster, or the recording is gone."""
        values = {**asdict(score), "points": json.dumps(score.points)}
        about = ("leg", "segment", "scorer", "comment_leg", "comment_segment")  # the chain outlives what they think
        link = Link(score.at, "score", {name: value for name, value in values.items() if name in about})
        return await self._within(
            lambda connection: connection.execute(_ENTER, values).rowcount == 1, lambda done: [link] if done else []
        )

    async def is_comment(self, leg: str, segment: int) -> bool:
        """Is there a score to which what was said here belongs?"""
        asked = "SELECT 1 FROM scores WHERE comment_leg = :leg AND comment_segment = :segment"
        return bool(await self._rows(asked, {"leg": leg, "segment": segment}))

    async def scores(
        self, since: float, until: float, service: str | None, agent: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """Scores of a span of time, the newest first, each with its call's service and its comment, if there is one."""
        values = {"since": since, "until": until, "service": service, "agent": agent, "limit": limit}
        names = ("leg", "segment", "at", "scorer", "agent", "service", "points", "total", "failed", "comment")
        rows = [dict(zip(names, row, strict=True)) for row in await self._rows(_SCORES, values)]
        return [{**row, "points": json.loads(row["points"]), "failed": bool(row["failed"])} for row in rows]


# What Asterisk makes a name of is PJSIP/1001-0000002a.
_UNSCORED = """
    SELECT recordings.leg, segment, recordings.call, service, substr(channel, 7, length(channel) - 15), seconds
    FROM recordings JOIN legs ON legs.id = recordings.leg
    WHERE class = 'recording' AND wrapped IS NOT NULL AND fault IS NULL AND seconds >= :shortest AND since >= :since
    AND service IN (SELECT value FROM json_each(:services)) AND channel LIKE 'PJSIP/%'
    AND recordings.leg NOT IN (SELECT leg FROM scores)
    AND recordings.call NOT IN (
        SELECT coalesce(calls.merged, calls.id) FROM events JOIN calls ON calls.id = events.call
        WHERE kind = 'objection'
    )
"""
_ENTER = """
    INSERT INTO scores (leg, segment, at, scorer, agent, points, total, failed, comment_leg, comment_segment)
    SELECT :leg, :segment, :at, :scorer, :agent, :points, :total, :failed, :comment_leg, :comment_segment
    WHERE EXISTS (SELECT 1 FROM recordings WHERE leg = :leg AND segment = :segment)
    ON CONFLICT (leg, segment) DO NOTHING
"""
_SCORES = """
    SELECT scores.leg, scores.segment, at, scorer, agent, scored.service, points, total, failed,
           comment.leg || '-' || comment.segment
    FROM scores
    JOIN recordings AS scored ON scored.leg = scores.leg AND scored.segment = scores.segment
    LEFT JOIN recordings AS comment ON comment.leg = comment_leg AND comment.segment = comment_segment
        AND comment.wrapped IS NOT NULL
    WHERE at >= :since AND at < :until AND (:service IS NULL OR scored.service = :service)
    AND (:agent IS NULL OR agent = :agent)
    ORDER BY at DESC LIMIT :limit
"""
