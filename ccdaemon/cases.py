"""Cases: what people ask about themselves, what is kept from them, and what is given to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias, get_args

from ccdaemon.kept import Imported, Item, Recording

# --- subject access --------------------------------------------------------------------------------------------------

CaseKind: TypeAlias = Literal["access", "erasure"]
Outcome: TypeAlias = Literal["answered", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stands still from a day on, until what was asked for has come."""

    began: date
    ended: date | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody asks what we have of them, or to have it erased.

    It holds neither number nor name: its reference leads to the council's own file.
    """

    id: int
    kind: CaseKind
    reference: str
    received: date
    opener: str
    extended: bool = False
    pauses: tuple[Pause, ...] = ()
    closed: date | None = None
    outcome: Outcome | None = None


Exemption: TypeAlias = Literal["third-party", "privilege", "crime", "serious-harm"]


@dataclass(frozen=True, slots=True)
class Redaction:
    """A part of a recording, in seconds, or of a message of an item, in characters, that nobody is given who asks."""

    why: Exemption
    begins: float
    ends: float
    leg: str | None = None
    segment: int | None = None
    kind: Imported | None = None
    source: str | None = None
    message: int = 0  # of the item: the first is 0
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """All that is kept of somebody: their calls by ID, the recordings of these, and what other programs brought."""

    calls: tuple[str, ...]
    recordings: tuple[Recording, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased of somebody at a moment: calls by ID, and items by class and name."""

    at: float
    calls: tuple[str, ...]
    items: tuple[tuple[str, str], ...]


# --- disclosure ------------------------------------------------------------------------------------------------------

Recipient: TypeAlias = Literal["council-service", "police", "care-organisation", "court"]
RECIPIENTS: tuple[Recipient, ...] = get_args(Recipient)
Ground: TypeAlias = Literal["complaint", "dispute", "crime", "care", "court-order", "legal-claim"]
GROUNDS: tuple[Ground, ...] = get_args(Ground)


@dataclass(frozen=True, slots=True)
class Request:
    """Recordings are to be given to somebody. `organisation` is who that is, `reference` theirs or ours."""

    to: Recipient
    organisation: str
    ground: Ground
    reference: str
    recordings: tuple[tuple[str, int], ...]  # leg and segment of each


@dataclass(frozen=True, slots=True)
class Package:
    """What was given away: `manifest` is the hash of the list of all files."""

    at: float
    packager: str
    manifest: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A request, and what became of it."""

    id: int
    request: Request
    requested: float
    requester: str
    approved: float | None = None
    approver: str | None = None
    refused: float | None = None
    refuser: str | None = None
    packages: tuple[Package, ...] = ()
    received: float | None = None
