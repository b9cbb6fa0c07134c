"""What is entered in the register for each notice: SQL and its values, in the order of the notices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

from ccdaemon.notices import (
    Announced,
    Bridged,
    CallBegan,
    CallEnded,
    CallIdentified,
    CallMerged,
    Decided,
    DoorOpened,
    DoorRefused,
    Guarded,
    Heard,
    KeptSafe,
    LegBegan,
    LegEnded,
    Notice,
    Objected,
    QueueJoined,
    QueueLeft,
    RecorderStarted,
    RecorderStopped,
    Resumed,
    Supervised,
    Transferred,
)
from ccdaemon.parties import Parties

_KNOWN = "INSERT INTO calls (id, began) VALUES (:call, :at) ON CONFLICT (id) DO NOTHING"
_CALL = """
    INSERT INTO calls (id, began) VALUES (:call, :at)
    ON CONFLICT (id) DO UPDATE SET began = min(began, :at), ended = NULL, seen_end = 1, merged = NULL
"""
_IDENTIFY = """
    INSERT INTO calls (id, began, dialled, caller, caller_index, period, service, language, tier)
    VALUES (:call, :at, :dialled, :caller, :caller_index, :period, :service, :language, :tier)
    ON CONFLICT (id) DO UPDATE SET
        dialled = coalesce(:dialled, dialled), caller = coalesce(:caller, caller),
        caller_index = coalesce(:caller_index, caller_index), period = coalesce(:period, period),
        service = coalesce(:service, service), language = coalesce(:language, language), tier = coalesce(:tier, tier)
"""
_ADOPT = """
    UPDATE calls SET
        dialled = coalesce(calls.dialled, younger.dialled),
        caller = iif(calls.caller IS NULL, younger.caller, calls.caller),
        caller_index = iif(calls.caller IS NULL, younger.caller_index, calls.caller_index),
        period = iif(calls.caller IS NULL, younger.period, calls.period),
        service = coalesce(calls.service, younger.service), language = coalesce(calls.language, younger.language),
        tier = coalesce(calls.tier, younger.tier)
    FROM calls AS younger WHERE younger.id = :call AND calls.id = younger.merged
"""
_END = "UPDATE calls SET ended = :at, seen_end = :seen WHERE id = :call AND ended IS NULL"
_LEG = """
    INSERT INTO legs (id, call, channel, began) VALUES (:leg, :call, :channel, :at)
    ON CONFLICT (id) DO UPDATE SET call = :call
"""
_LEG_END = "UPDATE legs SET ended = :at, cause = :cause WHERE id = :leg AND ended IS NULL"
_JOIN = "INSERT INTO visits (call, leg, queue, joined) VALUES (:call, :leg, :queue, :at) ON CONFLICT DO NOTHING"
_LEAVE = """
    UPDATE visits SET left_at = :at, outcome = :outcome, member = :member
    WHERE id = (SELECT max(id) FROM visits WHERE leg = :leg AND queue = :queue)
"""
_EVENT = "INSERT INTO events (call, at, kind, leg, detail) VALUES (:call, :at, :kind, :leg, :detail)"
_RECORDER = """
    INSERT INTO recordings (leg, segment, call, service, started)
    VALUES (:leg, :segment, :call, (SELECT service FROM calls WHERE id = :call), :at)
    ON CONFLICT (leg, segment) DO UPDATE SET started = coalesce(started, :at), call = coalesce(call, :call)
"""
_RECORDER_END = "UPDATE recordings SET stopped = :at, reason = :reason WHERE leg = :leg AND stopped IS NULL"
_RECORDER_OBJECTED = """
    UPDATE recordings SET stopped = :at, reason = :reason WHERE leg = :leg AND (stopped IS NULL OR stopped > :at)
"""
_MERGE = (
    "UPDATE calls SET merged = :into, ended = :at WHERE id = :call",
    "UPDATE calls SET merged = :into WHERE merged = :call",
    _ADOPT,
    "UPDATE legs SET call = :into WHERE call = :call",
    "UPDATE visits SET call = :into WHERE call = :call",
    "UPDATE recordings SET call = :into WHERE call = :call",
)

Statement: TypeAlias = tuple[str, dict[str, Any]]


def entries(notices: Sequence[Notice], parties: Parties) -> Iterator[Statement]:
    """All statements for a batch, in their order, each with its values."""
    return chain(_calls_of(notices), *(_statements(notice, parties) for notice in notices))


def _calls_of(notices: Sequence[Notice]) -> Iterator[Statement]:
    """A row for every call that is spoken of: its beginning may have been lost in a day without a disk."""
    began: dict[str, float] = {}
    for notice in notices:
        began.setdefault(notice.call, notice.at)
        if isinstance(notice, CallMerged):
            began.setdefault(notice.into, notice.at)
    for call, at in began.items():
        yield _KNOWN, {"call": call, "at": at}


def _statements(notice: Notice, parties: Parties) -> Iterator[Statement]:
    match notice:
        case CallBegan(call, at):
            yield _CALL, {"call": call, "at": at}
        case CallIdentified(call, at, dialled, number, service, language, tier):
            hidden = parties.hide(number, at) if number else None
            caller = {
                "caller": hidden.text if hidden else None,
                "caller_index": hidden.index if hidden else None,
                "period": hidden.period if hidden else None,
            }
            values = {"dialled": dialled, "service": service, "language": language, "tier": tier}
            yield _IDENTIFY, {"call": call, "at": at, **caller, **values}
            yield _ADOPT, {"call": call}
        case CallEnded(call, at, seen):
            yield _END, {"call": call, "at": at, "seen": int(seen)}
        case CallMerged(call, at, into):
            for statement in _MERGE:
                yield statement, {"call": call, "at": at, "into": into}
            yield _event(call, at, "merged", None, into=into)
        case LegBegan(call, at, leg, channel):
            yield _LEG, {"call": call, "at": at, "leg": leg, "channel": channel}
        case LegEnded(_, at, leg, cause):
            yield _LEG_END, {"at": at, "leg": leg, "cause": cause}
            # A recorder dies with its leg, also where nobody told us that it did.
            yield _RECORDER_END, {"at": at, "leg": leg, "reason": "the leg ended"}
        case QueueJoined(call, at, leg, queue):
            yield _JOIN, {"call": call, "at": at, "leg": leg, "queue": queue}
        case QueueLeft(_, at, leg, queue, outcome, member):
            yield _LEAVE, {"at": at, "leg": leg, "queue": queue, "outcome": outcome, "member": member}
        case RecorderStarted(call, at, leg, segment):
            yield _RECORDER, {"call": call, "at": at, "leg": leg, "segment": segment}
        case RecorderStopped(_, at, leg, reason):
            yield _RECORDER_END, {"at": at, "leg": leg, "reason": reason}
        case Bridged(call, at, leg, bridge, apart):
            yield _event(call, at, "left bridge" if apart else "entered bridge", leg, bridge=bridge)
        case Transferred(call, at, leg, kind, to):
            yield _event(call, at, f"{kind} transfer", leg, to=to)
        case Heard(call, at, service, menu, language, did):
            yield _event(call, at, "menu", None, service=service, menu=menu, language=language, did=did)
        case Announced(call, at, language, whole):
            yield _event(call, at, "announcement", None, language=language, whole=whole)
        case DoorOpened(call, at, leg, about, took, channels, supervisors):
            said = {"about": about, "took": took, "channels": channels, "supervisors": supervisors}
            others = {str(each["call"]) for each in channels if "call" in each} - {call}
            for one in (call, *sorted(others)):  # the other lines of a phone are calls of their own
                yield _KNOWN, {"call": one, "at": at}
                yield _event(one, at, "door", leg, **said)
        case DoorRefused(call, at, leg, about, service):
            yield _event(call, at, "refusal", leg, about=about, service=service)
        case Resumed(call, at, leg, channels):
            yield _event(call, at, "resumed", leg, channels=channels)
        case Guarded(call, at, leg, event, exposure, channels, stopped):
            said = {"event": event, "exposure": exposure, "channels": channels, "stopped": stopped}
            yield _event(call, at, "guard", leg, **said)
        case Objected(call, at, leg, who, recorders):
            yield _event(call, at, "objection", leg, who=who, recorders=recorders)
            # The dialplan has stopped it, also where nobody was there to hear so, and its leg went on.
            yield _RECORDER_OBJECTED, {"at": at, "leg": leg, "reason": "the caller objects"}
        case KeptSafe(call, at, leg, who, hold):
            yield _event(call, at, "kept", leg, who=who, hold=hold)
        case Supervised(call, at, leg, who, did, agent, service, mode, reason, seconds):
            said = {"who": who, "did": did, "agent": agent, "service": service, "mode": mode}
            yield _event(call, at, "supervision", leg, **said, reason=reason, seconds=seconds)
        case Decided(call, at, result, reason):
            yield _event(call, at, "decision", None, result=result, reason=reason)


def _event(call: str, at: float, kind: str, leg: str | None, **detail: object) -> Statement:
    values = {"call": call, "at": at, "kind": kind, "leg": leg}
    return _EVENT, {**values, "detail": json.dumps(detail, ensure_ascii=False)}
