"""Which recording is scored next, and what a card comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from random import Random
from statistics import fmean
from typing import Any

from ccdaemon.model import Site, Supervisor
from ccdaemon.scoring import Sample, Scoring

NOT_APPLICABLE, WORST, BEST = 0, 1, 5
DAY = 86_400.0  # seconds


def month_began(now: datetime) -> float:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()


def agent_of(sample: Sample, site: Site) -> str | None:
    """The extension of whoever spoke; None for a phone that the site has no more."""
    phone = site.phone_at(sample.endpoint)
    return phone.extension if phone is not None else None


def draw(samples: Iterable[Sample], scored: Counter[str], site: Site, who: Supervisor, dice: Random) -> Sample | None:
    """One at random, of one of the agents with the fewest scores this month (`scored`, by extension).

    An agent with many recordings is drawn as often as one with few. Nobody scores what was said at a handset of theirs.
    """
    by_agent: dict[str, list[Sample]] = {}
    for sample in samples:
        agent = agent_of(sample, site)
        if agent is not None and agent not in who.handsets and scored[agent] < site.scoring.monthly:
            by_agent.setdefault(agent, []).append(sample)
    if not by_agent:
        return None
    fewest = min(scored[agent] for agent in by_agent)
    agent = dice.choice([each for each in by_agent if scored[each] == fewest])
    return dice.choice(by_agent[agent])


def has_failed(points: Mapping[str, int], fatal: Collection[str]) -> bool:
    return any(points.get(criterion) == WORST for criterion in fatal)


def total(points: Mapping[str, int], scoring: Scoring) -> int | None:
    """Per cent of the points that could be had; 0 if a fatal criterion failed, None if nothing applied."""
    counted = [each for each in points.values() if each != NOT_APPLICABLE]
    if not counted:
        return None
    return 0 if has_failed(points, scoring.fatal) else round(100 * sum(counted) / (BEST * len(counted)))


def summed_up(scores: Iterable[Mapping[str, Any]], by: Sequence[str], zone: tzinfo) -> list[dict[str, Any]]:
    """Scores of each group together: their mean, how many failed, and the mean of each criterion.

    `by` is some of agent, service and month. Where nothing applied nothing is counted in.
    """
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for score in scores:
        month = f"{datetime.fromtimestamp(score['at'], zone):%Y-%m}"
        groups.setdefault(tuple({**score, "month": month}[each] for each in by), []).append(score)
    return [
        {
            **dict(zip(by, group, strict=True)),
            "scores": len(theirs),
            "total": _mean(each["total"] for each in theirs if each["total"] is not None),
            "failed": sum(each["failed"] for each in theirs),
            "points": {
                criterion: _mean(each["points"].get(criterion, NOT_APPLICABLE) or None for each in theirs)
                for criterion in dict.fromkeys(name for each in theirs for name in each["points"])
            },
        }
        for group, theirs in sorted(groups.items())
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    counted = [each for each in values if each is not None]
    return round(fmean(counted), 1) if counted else None
