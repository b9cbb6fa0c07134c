"""What the dialplan noted of a call that the daemon did not see (`cc-note` in dialplan/cc-second.conf)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from ccdaemon.notices import CallEnded, CallIdentified, Decided, KeptSafe, Notice, Objected
from ccdaemon.rules.numbers import e164

_LINE = re.compile(r"(?P<what>begun|ended) (?P<at>\d+) (?P<call>\S+) (?P<tier>[123]) (?P<fields>.*)")
_MARK = re.compile(r"(?P<what>objects|keep) (?P<at>\d+) (?P<call>\S+) (?P<leg>\S+) (?P<endpoint>\S+)")
TIERS = {2: "answered by the second tier", 3: "answered by the dialplan alone"}


def missed(lines: Iterable[str], country: str, *, live: bool, now: float) -> tuple[list[Notice], bool]:
    """The notices in one call's file, and whether that call is over. Lines of no known form are left out.

    A file without its last line, of a call that is not live any more, is of one that an Asterisk took with it. What an
    agent asked for during a call (dialplan `cc-during`) has a file of its own, which knows them by their endpoint.
    """
    notices: list[Notice] = []
    over = False
    call: str | None = None
    for line in lines:
        if (marked := _MARK.fullmatch(line.strip())) is not None:
            over = True
            kind = KeptSafe if marked["what"] == "keep" else Objected
            notices.append(kind(marked["call"], float(marked["at"]), marked["leg"], marked["endpoint"]))
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            continue
        at, call, tier = float(found["at"]), found["call"], int(found["tier"])
        fields = dict(pair.split("=", 1) for pair in found["fields"].split(" ") if "=" in pair)
        notices.append(
            CallIdentified(
                call,
                at,
                e164(fields.get("did", ""), country) or fields.get("did") or None,
                e164(_decoded(fields.get("number", "")), country),
                fields.get("service") or None,
                fields.get("language") or None,
                tier,
            )
        )
        if found["what"] == "ended":
            over = True
            notices += [Decided(call, at, _outcome(fields), TIERS.get(tier, "")), CallEnded(call, at)]
    if call is not None and not over and not live:
        over = True
        notices.append(CallEnded(call, now, seen=False))
    return notices, over


def _outcome(fields: dict[str, str]) -> str:
    agent, queue, status = _decoded(fields.get("agent", "")), fields.get("queue", ""), fields.get("status", "")
    if agent:
        return f"queue {queue}: answered by {agent}"
    return f"queue {queue}: {status.lower() or 'abandoned'}" if queue else "hung up before the queue"


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""
