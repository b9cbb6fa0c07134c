"""What can be said of a call that came to payments, from what the register holds.

When doors opened, what had recorded until then, what recorded afterwards, and on which layer each passage rested. The
statement is plain JSON. It names channels, legs and files, and no number of anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Told: TypeAlias = Mapping[str, Any]  # as the question "certificate" is answered
SHOWN = {"leg began", "leg ended", "entered bridge", "left bridge", "blind transfer", "attended transfer", "door"}
SHOWN |= {"refusal", "resumed", "guard", "recorder started", "recorder stopped"}
DOOR, GUARD, LOCK = "door", "guard", "lock"


def statement(told: Told) -> dict[str, Any]:
    """All that the certificate of a call says, but for when it was made, by whom, and the chain's head."""
    rows = [{**row, "detail": json.loads(row["detail"])} for row in told["audit"]]
    doors = [row for row in rows if row["kind"] == "door"]
    guards = [row for row in rows if row["kind"] == "guard"]
    resumed = [row["at"] / 1000 for row in rows if row["kind"] == "resumption"]
    against = [*_against(doors, told["recordings"], resumed), *map(_exposed, guards)]
    layers = [*([DOOR, LOCK] if doors else []), *([GUARD] if guards else [])]
    return {
        "call": told["call"]["id"],
        "service": told["call"]["service"],
        "began": told["call"]["began"],
        "ended": told["call"]["ended"],
        "held": not against,
        "against": against,
        "rests_on": layers,
        "passages": [_passage(row) for row in rows if row["kind"] != "recording"],
        "recordings": told["recordings"],
        "order": [moment for moment in told["timeline"] if moment["kind"] in SHOWN],
        "audit": told["audit"],
    }


def _against(doors: Iterable[Told], recordings: Sequence[Told], resumed: Sequence[float]) -> Iterator[str]:
    """Recordings that may hold what followed the opening of a door."""
    for door in doors:
        opened = door["at"] / 1000 + door["detail"]["took"]
        for each in recordings:
            name = f"segment {each['segment']} of leg {each['leg']}"
            if each["started"] is None:
                yield f"nobody knows when {name} began"
            elif each["started"] >= opened:
                if not any(opened <= moment <= each["started"] for moment in resumed):
                    yield f"{name} began after the door had opened"
            elif each["stopped"] is None:
                yield f"nobody knows when {name} ended"
            elif each["stopped"] > opened:
                yield f"{name} ran on after the door had opened"


def _exposed(guard: Told) -> str:
    detail = guard["detail"]
    return f"{', '.join(detail['channels'])} recorded for {1000 * detail['exposure']:.1f} ms round the door"


def _passage(row: Told) -> dict[str, Any]:
    detail = row["detail"]
    match row["kind"]:
        case "door":
            stopped = sum(each["recorders"] for each in detail["channels"])
            said = {"about": detail["about"], "took_ms": 1000 * detail["took"], "recorders_stopped": stopped}
            said |= {"channels_sealed": len(detail["channels"]), "supervisors_off": len(detail["supervisors"])}
        case "guard":
            said = {"event": detail["event"], "exposure_ms": 1000 * detail["exposure"], "channels": detail["channels"]}
        case _:
            said = {key: value for key, value in detail.items() if key not in {"call", "at"}}
    return {"seq": row["seq"], "at": row["at"] / 1000, "what": row["kind"], **said}


def differences(said: object, now: object, where: str = "") -> Iterator[str]:
    """Where two statements differ, as paths, with what the first says and what is there now."""
    match said, now:
        case dict(), dict():
            for key in [*said, *(key for key in now if key not in said)]:
                yield from differences(said.get(key), now.get(key), f"{where}.{key}".lstrip("."))
        case list(), list() if len(said) == len(now):
            for number, pair in enumerate(zip(said, now, strict=True), 1):
                yield from differences(*pair, f"{where}[{number}]")
        case list(), list():
            yield f"{where}: the certificate has {len(said)}, the register {len(now)}"
        case _:
            if said != now:
                yield f"{where}: the certificate says {_short(said)}, the register {_short(now)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - as much as a line takes
