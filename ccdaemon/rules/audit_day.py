"""What a day's rows of the audit chain come to: payments, refusals, what went round the door, recordings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

PAYMENTS = ("queue", "officer")  # what a call knocks for that goes to an officer


def day(rows: Iterable[Mapping[str, Any]]) -> dict[str, int | float]:
    """Counts of a day; times in milliseconds. A call that went to payments twice is one."""
    rows = list(rows)
    details = [(row["kind"], json.loads(row["detail"])) for row in rows]
    doors = [detail for kind, detail in details if kind == "door"]
    guards = [detail for kind, detail in details if kind == "guard"]
    recordings = [
        detail for kind, detail in details if kind == "recording" and detail.get("kind", "recording") == "recording"
    ]
    return {
        "payments": len({door["call"] for door in doors if door["about"] in PAYMENTS}),
        "sealed_by_agents": len({door["call"] for door in doors if door["about"] == "here"}),
        "doors_opened": len(doors),
        "slowest_ms": max((round(1000 * door["took"], 1) for door in doors), default=0),
        "recorders_stopped": sum(each["recorders"] for door in doors for each in door["channels"]),
        "supervisors_off": sum(len(door["supervisors"]) for door in doors),
        "refused": sum(kind == "refusal" for kind, _ in details),
        "guarded": len({row["at"] for row in rows if row["kind"] == "guard"}),  # one for each call that has met
        "not_stopped": sum(not guard["stopped"] for guard in guards),
        "longest_exposure_ms": max((round(1000 * guard["exposure"], 1) for guard in guards), default=0),
        "resumed": sum(kind == "resumption" for kind, _ in details),
        "objections": len({detail["call"] for kind, detail in details if kind == "objection"}),
        "recordings": len(recordings),
        "recordings_faulty": sum(recording["fault"] is not None for recording in recordings),
    }
