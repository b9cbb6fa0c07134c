"""Will this call be recorded when an agent answers?

Only on the services that record, only for a caller who heard the announcement to its end on this call, and never once
the call has been sealed on its way to payments, or the caller objects. And once it has been: is what the recorder left
whole? Asterisk says Success of a recorder that cannot write, and truncates in silence on a full disk.
"""

from __future__ import annotations

from enum import Enum

from ccdaemon.kept import FinishedFile, Recording
from ccdaemon.model import Service

JUDGED = 3.0  # seconds; in a shorter recording one side may have had nothing to say
MISSED = 5.0, 0.05  # seconds, and share of its time, that may be missing: where nobody sends, nothing is written


class Verdict(Enum):
    """The reason travels with the decision: a person will ask why a call was, or was not, recorded."""

    RECORD = "the service records, and the caller has heard so"
    SERVICE_DOES_NOT_RECORD = "calls to this service are not recorded"
    NOT_ANNOUNCED = "the caller has not heard the announcement to its end"
    SEALED = "the call is sealed: it has been with payments, a phone began it, or the caller objects"


def may_record(service: Service, *, announced: bool, sealed: bool) -> Verdict:
    if sealed:
        return Verdict.SEALED
    if not service.records:
        return Verdict.SERVICE_DOES_NOT_RECORD
    if not announced:
        return Verdict.NOT_ANNOUNCED
    return Verdict.RECORD


def fault_of(file: FinishedFile, known: Recording) -> str | None:
    """What is wrong with a finished recording, in words; None if it holds both voices from its beginning to its end."""
    if file.seconds == 0:
        return "the recording is empty: look for a full disk, or for phone and trunk sending no sound"
    lasted = known.stopped - known.started if known.started and known.stopped else file.seconds
    if lasted - file.seconds > MISSED[0] + MISSED[1] * lasted:
        return f"the recording is truncated: it holds {file.seconds:.0f} s of {lasted:.0f} s. Look for a full disk"
    if file.silent and file.seconds >= JUDGED:
        sides = " and the ".join(sorted(file.silent))
        return f"the recording is one-sided: nothing came from the {sides}. Listen to it; look at phone and trunk"
    return None
