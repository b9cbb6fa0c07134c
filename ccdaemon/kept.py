"""What is kept: its classes, for how long, and recordings from what Asterisk writes to what lies in the archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

ItemClass: TypeAlias = Literal["call", "recording", "message", "comment", "transcript", "sms", "webchat", "social"]
CLASSES: tuple[ItemClass, ...] = get_args(ItemClass)


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long something is kept: calendar months, or days."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Files:
    """Files of another program: those below a folder that match a pattern, and what their age is.

    `date` is how a date is written (strptime(3)), in their names or at the beginning of their lines.
    """

    folder: str
    pattern: str
    age: Literal["changed", "name", "lines"]
    keep: Keep
    date: str


@dataclass(frozen=True, slots=True)
class Doomed:
    """A file that is due, or the first bytes of one. Its path is that below the folder."""

    path: str
    until: int | None = None  # bytes that go from its beginning; None is all of it


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is due, or may be, and stays: why."""

    path: str
    why: str


Imported: TypeAlias = Literal["transcript", "sms", "webchat", "social"]  # those that other programs bring
IMPORTED: tuple[Imported, ...] = get_args(Imported)


@dataclass(frozen=True, slots=True)
class Item:
    """What another program brings: a message, a chat, a post, a transcript. `source` is its name there.

    `party` is the other side; a transcript is of a `call` or of a `chat`. `body` is all of it, as JSON.
    """

    kind: Imported
    source: str
    at: float
    service: str | None
    party: str | None
    call: str | None
    chat: str | None
    body: str


Table: TypeAlias = Literal["recordings", "calls", "items"]  # in which something hangs on the key of a period
Role: TypeAlias = Literal["telecoms", "supervisor", "data_protection"]
ROLES: tuple[Role, ...] = get_args(Role)
# What recordings are used for, as the council's privacy notice has it.
Purpose: TypeAlias = Literal["transfer", "quality", "understanding", "complaint", "legal-claim", "safety"]
Wrapped: TypeAlias = bytes  # a key that another one wraps
Encoding: TypeAlias = Literal["flac", "opus"]
Side: TypeAlias = Literal["agent", "caller"]
Recorded: TypeAlias = Literal["recording", "message", "comment"]  # of a conversation, a caller's, a scorer's
RECORDED: tuple[Recorded, ...] = get_args(Recorded)


@dataclass(frozen=True, slots=True)
class RawRecording:
    """A file that a recorder wrote, or is writing, and what its name says (dialplan `cc-connected`, `cc-message`).

    A `message` is of the caller's side alone, and in their language, if they have chosen one. A `comment` is what
    somebody says at a handset, on `leg`, about a recording of the `call`.
    """

    path: Path
    call: str
    leg: str
    segment: int
    service: str
    size: int  # bytes
    changed: float
    kind: Recorded = "recording"
    language: str | None = None


@dataclass(frozen=True, slots=True)
class FinishedFile:
    """A finished recording's file, relative to the archive. A side that is `silent` brought not one sample.

    Its key is `wrapped` by that of a `period`.
    """

    file: str
    seconds: float
    bytes: int
    sha256: str
    silent: frozenset[Side]
    period: str
    wrapped: Wrapped


@dataclass(frozen=True, slots=True)
class Kept:
    """Where something that is kept lies, and what opens it."""

    file: str
    period: str
    wrapped: Wrapped


@dataclass(frozen=True, slots=True)
class Recording:
    """What the register knows of a recording. `file` is None until it is finished, `fault` says what is wrong.

    A leg has one segment for each time that its recorder was started.
    """

    leg: str
    call: str | None = None
    service: str | None = None
    started: float | None = None
    stopped: float | None = None
    reason: str | None = None
    file: str | None = None
    seconds: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    fault: str | None = None
    segment: int = 1
    kind: Recorded = "recording"


@dataclass(frozen=True, slots=True)
class Messages:
    """How long a message may be, how soon and how often a day it is brought again, and when it has waited too long."""

    longest: float = 180.0
    again: float = 900.0
    tries: int = 6
    overdue: int = 2  # days on which its service is open


@dataclass(frozen=True, slots=True)
class Task:
    """A message that waits for an agent: whose, since when, and how often it was brought on the day of the last try."""

    leg: str
    segment: int
    call: str | None
    service: str
    language: str | None
    left: float
    seconds: float
    tries: int = 0
    tried: float | None = None
    done: float | None = None
    doer: str | None = None

    @property
    def name(self) -> str:
        return f"{self.leg}-{self.segment}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A caller's stay in a queue that has ended: `answered`, `abandoned`, or how else."""

    leg: str
    queue: str
    joined: float
    ended: float
    outcome: str


# --- expiry ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A recording that expires: nothing opens it any more. `file` is None where it never had one."""

    row: int
    leg: str
    segment: int
    service: str
    file: str | None
    kind: Recorded = "recording"

    @property
    def name(self) -> str:
        return f"{self.leg}-{self.segment}"


@dataclass(frozen=True, slots=True)
class Hanging:
    """Something that hangs on the key of a period: a recording by its wrapped key, all else by what is hidden."""

    row: int
    sealed: bytes
    file: str | None
    since: float
    hold: int | None
    kind: ItemClass


# --- holds -----------------------------------------------------------------------------------------------------------

Reason: TypeAlias = Literal["complaint", "legal-claim", "dispute", "police", "safety"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep a call, or all calls with a number, or all of a span of time, until somebody releases them.

    `review` is when somebody has to ask whether that is needed still; None is open.
    """

    reason: Reason
    reference: str
    call: str | None = None
    number: str | None = None
    since: float | None = None
    until: float | None = None
    review: float | None = None


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold as the register has it: its number hidden, and gone once it is released."""

    id: int
    made: float
    maker: str
    reason: str
    reference: str
    number: str | bytes | None
    call: str | None
    since: float | None
    until: float | None
    review: float | None
    released: float | None
    releaser: str | None
