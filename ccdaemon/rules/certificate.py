"""What can be said of a call that came to payments, from what the register holds.

When doors opened, what had recorded until then, what recorded afterwards, and whether the door or the guard ended it.
The statement is plain JSON. It names channels, legs and files, and no number of anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Told: TypeAlias = Mapping[str, Any]  # as the question "certificate" is answered
SHOWN = {"leg began", "leg ended", "entered bridge", "left bridge", "blind transfer", "attended transfer", "door"}
SHOWN |= {"refusal", "resumed", "objection", "guard", "recorder started", "recorder stopped"}
PASSAGES = {"door": "door", "guard": "guard", "refusal": None, "resumption": None}  # and what each rested on
LINE = 80  # characters of a value that is told as a difference
CHAINED = ("started", "stopped", "file", "seconds", "bytes", "sha256", "fault")


def unfinished(told: Told) -> str | None:
    """Why nothing can be certified yet, if it cannot."""
    if told["call"]["ended"] is None:
        return "the call is not over"
    if any(each["file"] is None and each["fault"] is None for each in told["recordings"]):
        return "a recording is not finished yet"
    return None


def statement(told: Told) -> dict[str, Any]:
    """All that the certificate of a call says, but for when it was made, by whom, and the chain's head."""
    rows = [{**row, "detail": json.loads(row["detail"])} for row in told["audit"]]
    passages = [_passage(row) for row in rows if row["kind"] in PASSAGES]
    against = [*_after_doors(rows, told["recordings"]), *_exposures(rows), *_unchained(rows, told["recordings"])]
    return {
        "call": told["call"]["id"],
        "service": told["call"]["service"],
        "began": told["call"]["began"],
        "ended": told["call"]["ended"],
        "held": not against,
        "against": against,
        "passages": passages,
        "recordings": told["recordings"],
        "order": [moment for moment in told["timeline"] if moment["kind"] in SHOWN],
        "audit": told["audit"],
    }


def _after_doors(rows: Sequence[Told], recordings: Sequence[Told]) -> Iterator[str]:
    """Recordings that may hold what followed the opening of a door."""
    resumed = [(row["detail"]["leg"], row["at"] / 1000) for row in rows if row["kind"] == "resumption"]
    for door in (row for row in rows if row["kind"] == "door"):
        opened = door["at"] / 1000 + door["detail"]["took"]
        for each in recordings:
            if each.get("kind", "recording") != "recording":  # a message, or what somebody said of the call afterwards
                continue
            if each["started"] is None:
                yield f"nobody knows when {_name(each)} began"
            elif each["started"] >= opened:
                if not any(leg == each["leg"] and opened <= at <= each["started"] for leg, at in resumed):
                    yield f"{_name(each)} began after the door had opened"
            elif each["stopped"] is None:
                yield f"nobody knows when {_name(each)} ended"
            elif each["stopped"] > opened:
                yield f"{_name(each)} ran on after the door had opened"


def _exposures(rows: Iterable[Told]) -> Iterator[str]:
    for detail in (row["detail"] for row in rows if row["kind"] == "guard"):
        for_how_long = f"for {1000 * detail['exposure']:.1f} ms" if detail["stopped"] else "and could not be stopped"
        yield f"{', '.join(detail['channels'])} recorded {for_how_long}, round the door"


def _unchained(rows: Iterable[Told], recordings: Sequence[Told]) -> Iterator[str]:
    """Recordings of which the audit chain says something else than the register, or that only one of them has."""
    chained = {
        (row["detail"]["leg"], row["detail"]["segment"]): row["detail"] for row in rows if row["kind"] == "recording"
    }
    there = {(each["leg"], each["segment"]): each for each in recordings}
    for key, each in there.items():
        if key not in chained:
            yield f"{_name(each)} is not in the audit chain"
        elif any(chained[key][field] not in {None, each[field]} for field in CHAINED):
            yield f"{_name(each)} is not as the audit chain says"
    for key in chained.keys() - there.keys():
        yield f"{_name(chained[key])} is in the audit chain only"


def _name(recording: Told) -> str:
    return f"segment {recording['segment']} of leg {recording['leg']}"


def _passage(row: Told) -> dict[str, Any]:
    detail = row["detail"]
    match row["kind"]:
        case "door":
            stopped = sum(each["recorders"] for each in detail["channels"])
            said = {"about": detail["about"], "took_ms": 1000 * detail["took"], "recorders_stopped": stopped}
            said |= {"channels_sealed": len(detail["channels"]), "supervisors_off": len(detail["supervisors"])}
        case "guard":
            said = {"event": detail["event"], "exposure_ms": 1000 * detail["exposure"], "channels": detail["channels"]}
            said["stopped"] = detail["stopped"]
        case _:
            said = {key: value for key, value in detail.items() if key not in {"call", "at"}}
    return {"seq": row["seq"], "at": row["at"] / 1000, "what": row["kind"], "rests_on": PASSAGES[row["kind"]], **said}


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
    return text if len(text) <= LINE else f"{text[: LINE - 3]}..."
