"""The words of a caller's conversation: how it begins, what is said, what the caller does, where the call goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ccdaemon.model import Language, Prompt
from ccdaemon.rules.recording import Verdict
from ccdaemon.ways import Way

# --- how it begins ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialled:
    """Somebody dialled a number (E.164) of ours."""

    number: str


@dataclass(frozen=True, slots=True)
class _OnTheWay:
    """A caller whom we know already, at a service. No language: none was chosen."""

    service: str
    language: Language | None
    announced: bool = False
    sealed: bool = False


class Transferred(_OnTheWay):
    """A caller was passed on to a service by an agent."""

    __slots__ = ()


class Returned(_OnTheWay):
    """An agent passed the caller on to a colleague, who did not answer: they are back where they were."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unanswered(_OnTheWay):
    """A caller left the queue of a service without an answer: it was full, empty, or it took too long."""

    rounds: int = 1  # times that this has happened, at this service


Entry: TypeAlias = Dialled | Transferred | Returned | Unanswered


# --- what we do next --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Play:
    """Say these to their end; no key interrupts."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Collect:
    """Say these until a key is pressed, and wait for one after that."""

    prompts: tuple[Prompt, ...]
    wait: float


@dataclass(frozen=True, slots=True)
class Wait:
    """The call goes to the queue of a service. `verdict` says whether it is recorded there."""

    service: str
    language: Language | None
    announced: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Pay:
    """The call goes to the payments door."""

    language: Language | None


@dataclass(frozen=True, slots=True)
class Fallback:
    """The call goes to the queue of last resort, and ends where nobody answers there either."""

    language: Language | None


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call ends here."""


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """The caller speaks a message for a service: they have heard that it is recorded, and for how long it is kept."""

    service: str
    language: Language | None


Action: TypeAlias = Play | Collect | Wait | Pay | Fallback | HangUp | TakeMessage


# --- what the caller did ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """A key was pressed."""

    key: str


@dataclass(frozen=True, slots=True)
class Silence:
    """No key came in time."""


@dataclass(frozen=True, slots=True)
class Played:
    """A `Play` is over; `whole` says that all of it was heard."""

    whole: bool


Outcome: TypeAlias = Key | Silence | Played


# --- where they are ---------------------------------------------------------------------------------------------------


class State(NamedTuple):
    """Where a caller is. Without a language, everything is said in each of the service's."""

    service: str
    menu: str | None = None  # None: at the question which language
    language: Language | None = None
    announced: bool = False
    sealed: bool = False  # nothing on this call is recorded any more, whatever was announced
    tries: int = 1
    turns: int = 1
    trail: tuple[str, ...] = ()
    then: Way | Wait | Pay | HangUp | TakeMessage | None = None  # what a Play leads to
    announcing: bool = False


Turn: TypeAlias = tuple[State, Action]
