"""The tables of `ccdaemon.toml` about handsets, and about who may do more than others from them."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import Field

from ccdaemon.agents import Agent, Pauses
from ccdaemon.grammar import Endpoint, Extension, Key, Penalty, PinHash, Reason, Seconds, Times, Word, YesNo
from ccdaemon.model import Language, Phone, Right, Supervisor
from ccdaemon.scoring import Scoring
from ccdaemon.tables import Table

Rights: TypeAlias = frozenset[Right]
OURS = Scoring()


class PhoneTable(Table):
    endpoint: Endpoint | None = None
    service: Word
    device: Endpoint | None = None
    language: Language | None = None

    def phone(self, extension: str, language: Language) -> Phone:
        """`language` is that of phones which say none of their own."""
        return Phone(
            *(extension, self.endpoint or extension, self.service, self.device or extension),
            self.language or language,
        )


class SupervisionTable(Table):
    tone: YesNo = False


class ScoringTable(Table):
    """Recordings that supervisors score."""

    criteria: tuple[Word, ...] = ()
    fatal: frozenset[Word] = frozenset()
    monthly: Times = OURS.monthly
    shortest: Seconds = OURS.shortest
    days: Times = OURS.days

    def rule(self) -> Scoring:
        return Scoring(self.criteria, self.fatal, self.monthly, self.shortest, self.days)


class SupervisorTable(Table):
    """Somebody with a PIN."""

    number: Key = ""
    pin: PinHash
    services: frozenset[Word]
    may: Rights
    handsets: frozenset[Extension]

    def supervisor(self, name: str) -> Supervisor:
        return Supervisor(name, self.number, self.pin, self.services, self.may, self.handsets)


class AgentTable(Table):
    """Somebody who logs in at their phone."""

    services: tuple[Word, ...]
    languages: frozenset[Language] = frozenset()
    penalties: dict[Word, Penalty] = Field(default_factory=dict)

    def agent(self, extension: str) -> Agent:
        return Agent(extension, self.services, self.languages, self.penalties)


class PausesTable(Table):
    """Why agents pause, and when they are paused."""

    reasons: dict[Reason, Word] = Field(default_factory=dict)
    wrap_up: Seconds = 300
    unanswered: Times = 3

    def pauses(self) -> Pauses:
        return Pauses(self.reasons, self.wrap_up, self.unanswered)
