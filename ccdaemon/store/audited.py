"""What goes into the audit chain, and as what: door, guard, recordings that go on or must not, each finished one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from ccdaemon.chain import Link
from ccdaemon.kept import Recording
from ccdaemon.notices import DoorOpened, DoorRefused, Guarded, Notice, Objected, Resumed, Supervised

_KINDS: dict[type[Notice], str] = {
    DoorOpened: "door",
    DoorRefused: "refusal",
    Guarded: "guard",
    Resumed: "resumption",
    Objected: "objection",
    Supervised: "supervision",
}


def of_notices(notices: Iterable[Notice]) -> Iterator[Link]:
    """Those of the notices that are audited."""
    for notice in notices:
        if (kind := _KINDS.get(type(notice))) is not None:
            detail = asdict(notice)
            yield Link(detail.pop("at"), kind, detail)


def of_recording(recording: Recording, now: float) -> Link:
    """A recording that is finished, or that never will be."""
    return Link(now, "recording", asdict(recording))
