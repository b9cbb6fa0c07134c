"""May a recording be given to somebody, on what ground, and who decides?

As the council's notice has it: to other services of the council in a dispute or complaint, to the police in a criminal
matter, to organisations in the person's care; and to a court, which may order it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from ccdaemon.cases import Disclosure, Ground, Recipient, Request

FITS: Mapping[Recipient, frozenset[Ground]] = {
    "council-service": frozenset({"complaint", "dispute"}),
    "police": frozenset({"crime"}),
    "care-organisation": frozenset({"care"}),
    "court": frozenset({"court-order", "legal-claim"}),
}


def faults(request: Request, known: Container[tuple[str, int]]) -> Iterator[str]:
    """All that is missing in a request, or does not fit."""
    if request.ground not in FITS[request.to]:
        grounds = " or ".join(sorted(FITS[request.to]))
        yield f"{request.ground!r} is no ground for giving something to {request.to}: that is {grounds}"
    if not request.organisation.strip():
        yield "it does not say which organisation it is for"
    if not request.reference.strip():
        yield "it has no reference"
    if not request.recordings:
        yield "it names no recording"
    for leg, segment in request.recordings:
        if (leg, segment) not in known:
            yield f"there is no finished recording {leg}-{segment}"


def undecided(disclosure: Disclosure, who: str) -> str | None:
    """Why somebody may not decide on it; None if they may."""
    if disclosure.approved is not None or disclosure.refused is not None:
        return f"disclosure {disclosure.id} is decided already"
    if disclosure.requester == who:
        return f"{who} asked for disclosure {disclosure.id}: somebody else decides on it"
    return None
