"""Will this call be recorded when an agent answers?

Only on the services that record, only for a caller who heard the announcement to its end on this call, and never once
the call has been sealed on its way to payments.
"""

from __future__ import annotations

from enum import Enum

from ccdaemon.model import Service


class Verdict(Enum):
    """The reason travels with the decision: a person will ask why a call was, or was not, recorded."""

    RECORD = "the service records, and the caller has heard so"
    SERVICE_DOES_NOT_RECORD = "calls to this service are not recorded"
    NOT_ANNOUNCED = "the caller has not heard the announcement to its end"
    SEALED = "the call is sealed: it has been with payments, or a phone began it"


def may_record(service: Service, *, announced: bool, sealed: bool) -> Verdict:
    if sealed:
        return Verdict.SEALED
    if not service.records:
        return Verdict.SERVICE_DOES_NOT_RECORD
    if not announced:
        return Verdict.NOT_ANNOUNCED
    return Verdict.RECORD
