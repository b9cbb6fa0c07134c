"""The nouns of a contact centre, as plain values.

Nothing here does anything: `ccdaemon.rules` decides what may be done with these values, and the edges do it. Durations
are seconds, moments are aware datetimes, unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date, time, tzinfo
from pathlib import Path
from typing import Literal, TypeAlias

from ccdaemon.agents import Agent, Pauses
from ccdaemon.kept import Files, ItemClass, Keep, Messages, Role
from ccdaemon.scoring import Scoring
from ccdaemon.ways import Menu

Language: TypeAlias = str  # "cy", "en": the directory of its sounds in Asterisk
Event: TypeAlias = Mapping[str, str]  # from AMI: an entry of a list too
AlarmName: TypeAlias = Literal[
    "asterisk",
    "asterisk-version",
    "disk",
    "clock",
    "register",
    "register-gap",
    "recordings",
    "recordings-faulty",
    "recorders",
    "payment-guard",
    "archive",
    "expiry",
    "import",
    "keys",
    "audit-heads",
    "cases",
    "holds",
    "messages",
    "configuration",
]

# --- a service and its site ------------------------------------------------------------------------------------------

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Span:
    """Opening time from `start` to `end` of one day, in the site's local time; midnight as an end is `time.max`."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Hours:
    """When a service is open: by weekday (Monday is 0), shut on bank holidays and on closures of its own."""

    week: Mapping[int, tuple[Span, ...]]
    on_bank_holidays: bool
    closures: frozenset[date]


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue of a service, and those in which only speakers of a language answer."""

    name: str
    wait: float
    by_language: Mapping[Language, str]
    language_wait: float
    answer_within: float = 20.0  # the target by which the service level is judged
    wrap_up: float = 0.0  # after a call of an agent who logs in; 0: as queues.conf has it

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, *self.by_language.values()


@dataclass(frozen=True, slots=True)
class Service:
    """What the public calls a line: its numbers, menus, hours, queue, and policy."""

    id: str
    name: Mapping[Language, str]
    numbers: tuple[str, ...]  # E.164
    extension: str
    languages: tuple[Language, ...]
    records: bool
    hours: Hours
    queue: Queue
    menus: Mapping[str, Menu]
    welcome: str
    emergency: str | None


@dataclass(frozen=True, slots=True)
class Phone:
    """An account of a device on a desk: its extension, its PJSIP endpoint, and the service for which it rings out.

    Accounts of one `device` are one phone: what is spoken on one of its lines may be heard on another.
    """

    extension: str
    endpoint: str
    service: str
    device: str
    language: Language  # of what it is told


Mode: TypeAlias = Literal["listen", "whisper", "barge"]
Right: TypeAlias = Literal["listen", "whisper", "barge", "score", "lines", "prompts"]


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Somebody who may do more than others from some handsets, by a PIN: `may` says what, for which `services`.

    Their `number` tells them from others who share a handset; `pin` is a hash (`ccdaemon.pins`).
    """

    id: str
    number: str
    pin: str
    services: frozenset[str]
    may: frozenset[Right]
    handsets: frozenset[str]  # extensions of phones


@dataclass(frozen=True, slots=True)
class Ruling:
    """Somebody's word that a line is open, or closed, whatever its hours are; with what is said to who calls then."""

    service: str
    state: Literal["open", "closed"]
    message: str | None  # a prompt, after which the call ends
    since: float
    who: str


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that a decision may rest on; one value, checked whole and swapped whole."""

    name: str
    country: str  # ISO 3166, for numbers that are written without one
    timezone: tzinfo
    languages: tuple[Language, ...]
    services: Mapping[str, Service]
    general: str  # the service that answers numbers that nobody claims
    payments: str
    announcement: str  # the prompt that says that calls are recorded
    announces_transferred: bool  # to who is joined to a line that records, and records then
    resumes: bool  # recordings after a payment, by an agent's key
    retention: Mapping[ItemClass, Keep]
    audit: Keep  # for how long rows of the audit chain are kept
    expires_at: time  # of each night
    files: tuple[Files, ...]  # of other programs
    bank_holidays: Container[date]
    roles: Mapping[Role, Container[str]]  # users of this machine
    phones: Mapping[str, Phone] = field(default_factory=dict)
    supervisors: Mapping[str, Supervisor] = field(default_factory=dict)
    messages: Messages = field(default_factory=Messages)
    agents: Mapping[str, Agent] = field(default_factory=dict)  # by extension
    pauses: Pauses = field(default_factory=Pauses)
    tells_agents: bool = False  # by a tone, that somebody listens
    scoring: Scoring = field(default_factory=Scoring)
    rulings: Mapping[str, Ruling] = field(default_factory=dict)  # by service; not written in any file
    devices: Mapping[str, str] = field(init=False)  # of each endpoint that is a phone's
    officers: frozenset[str] = field(init=False)  # devices of those who take payments

    def __post_init__(self) -> None:
        phones = self.phones.values()
        object.__setattr__(self, "devices", {phone.endpoint: phone.device for phone in phones})
        officers = frozenset(phone.device for phone in phones if phone.service == self.payments)
        object.__setattr__(self, "officers", officers)

    def phone_at(self, endpoint: str) -> Phone | None:
        return next((phone for phone in self.phones.values() if phone.endpoint == endpoint), None)

    def answer_within(self, queue: str) -> float:
        """The target of a queue, in seconds; of several services that use it the strictest."""
        queues = [service.queue for service in self.services.values() if queue in service.queue.names]
        return min((each.answer_within for each in queues), default=0.0)

    def service_at(self, number: str) -> Service:
        """The service that a dialled number (E.164) belongs to; the general line for one that is nobody's."""
        for service in self.services.values():
            if number in service.numbers:
                return service
        return self.services[self.general]


ENDINGS = (".alaw", ".sln16", ".wav", ".gsm", ".ulaw", ".g722")  # what format_*.so of a usual Asterisk reads
SPOKEN = "_"  # begins what was spoken at a handset; no name in the catalogue does


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of the catalogue, or what was spoken at a handset, in one of its languages."""

    id: str
    language: Language

    @property
    def sound(self) -> str:
        """Its sound below the folder of sounds, without ending. Names that Asterisk itself plays lie at the root."""
        asterisks_own = self.id.startswith(("queue-", "digits/"))
        return f"{self.language}/{self.id}" if asterisks_own else f"{self.language}/cc/{self.id}"


Catalogue: TypeAlias = Mapping[str, Mapping[Language, str]]  # prompt id -> language -> what is said
Numbers: TypeAlias = Mapping[str, int]  # prompt id -> by which it is recorded at a handset, if it may be


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a configuration: in which file, at which key, and what to do about it."""

    file: str
    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.text}" if self.key else f"{self.file}: {self.text}"


# --- what has been ---------------------------------------------------------------------------------------------------


# --- what Asterisk's own configuration says --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One `key = value` of an Asterisk configuration file and where it stands, inherited ones included."""

    section: str
    key: str
    value: str
    where: str  # file:line


LOADED = "loaded in Asterisk"  # where a setting stands that no file needs to have


@dataclass(frozen=True, slots=True)
class AsteriskFiles:
    """The settings of the files that concern us; None for a file that is not there."""

    folder: Path
    queues: tuple[Setting, ...] | None
    dialplan: tuple[Setting, ...] | None
    endpoints: tuple[Setting, ...] | None
    features: tuple[Setting, ...] | None = None
    conferences: tuple[Setting, ...] | None = None
    parking: tuple[Setting, ...] | None = None
    managers: tuple[Setting, ...] | None = None
    ari: tuple[Setting, ...] | None = None


# --- what is up in Asterisk ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Channel:
    """A leg that is up, as Asterisk lists it. `id` is its Uniqueid, `call` its Linkedid, `bridge` empty or an ID."""

    name: str
    id: str
    call: str
    bridge: str
    application: str
    data: str

    @classmethod
    def of(cls, entry: Event) -> Channel:
        """From an entry of CoreShowChannels."""
        names = ("Channel", "Uniqueid", "Linkedid", "BridgeId", "Application", "ApplicationData")
        return cls(*(entry.get(name, "") for name in names))

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.name)


def endpoint_of(channel: str) -> str:
    """`1001` of `PJSIP/1001-0000002a`."""
    return channel.partition("/")[2].rpartition("-")[0]
