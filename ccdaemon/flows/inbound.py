"""One caller's conversation: asked by the dialplan, led by the menu rules, ended by an answer that it can prove.

The dialplan (`cc-ask`) brings a nonce, a proof, the call's Linkedid, what it asks about, and what it knows of the
caller already. It gets CC_RESULT and CC_PROOF, and reads in `cc-do` what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from ccdaemon.model import Prompt, Site
from ccdaemon.notices import Announced, CallIdentified, Decided, Heard, Notice
from ccdaemon.rules.menus import begin, step
from ccdaemon.rules.numbers import e164
from ccdaemon.rules.proof import MAX_AGE, answer_proof, asks, is_fresh
from ccdaemon.rules.recording import Verdict
from ccdaemon.rules.turns import (
    Action,
    Collect,
    Dialled,
    Entry,
    Fallback,
    HangUp,
    Key,
    Outcome,
    Pay,
    Play,
    Played,
    Returned,
    Silence,
    State,
    TakeMessage,
    Transferred,
    Unanswered,
    Wait,
)

LONGEST_CONVERSATION = 900  # seconds; then the dialplan takes the call back (TIMEOUT(absolute), extension T of cc-ask)
ANY_KEY = "0123456789*#"

log = structlog.get_logger()


class Sounding(Protocol):
    """How a prompt that was played ended."""

    @property
    def digit(self) -> str | None: ...

    @property
    def endpos(self) -> int: ...


class Told(Protocol):
    """Who is told where the call goes."""

    async def execute(self, application: str, *arguments: str) -> str: ...


class Caller(Told, Protocol):
    """The caller's channel, as far as a conversation needs it. Each method raises when the caller has hung up."""

    async def play(self, file: str, escape: str = "") -> Sounding: ...

    async def ask(self, file: str, seconds: float) -> str | None: ...

    async def wait_for_digit(self, seconds: float) -> str | None: ...

    async def set(self, name: str, value: str) -> None: ...


class Sounds(Protocol):
    """The prompts that are there."""

    def file(self, prompt: Prompt) -> str | None: ...

    def samples(self, prompt: Prompt) -> int: ...


class Journal(Protocol):
    def note(self, *notices: Notice) -> None: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What the dialplan asks."""

    nonce: str
    proof: str
    call: str
    about: str
    value: str
    language: str
    announced: bool
    sealed: bool
    number: str

    @classmethod
    def of(cls, arguments: Sequence[str], number: str) -> Question | None:
        """The question in the arguments of AGI(), or None if that is none."""
        match arguments:
            case [nonce, proof, call, about, value, language, announced, sealed]:  # as cc-ask sends them
                return cls(nonce, proof, call, about, value, language, announced == "1", sealed != "", number)
            case _:
                return None


@dataclass
class Gatekeeper:
    """Lets in each question of our dialplan once, and nobody else's."""

    secret: str
    _seen: dict[str, float] = field(default_factory=dict)

    def admits(self, question: Question, now: float) -> bool:
        if not (is_fresh(question.nonce, now) and asks(question.nonce, question.proof, self.secret)):
            return False
        while self._seen and now - self._seen[oldest := next(iter(self._seen))] > 2 * MAX_AGE:
            del self._seen[oldest]
        if question.nonce in self._seen:
            return False
        self._seen[question.nonce] = now
        return True

    async def prove(self, question: Question, result: str, caller: Told) -> None:
        """Say where the call goes, so that the dialplan sees whose word it is."""
        proof = answer_proof(question.nonce, result, self.secret)
        await caller.execute("MSet", f"CC_RESULT={result}", f"CC_PROOF={proof}")


class Conversation:
    """Answers the dialplan's questions, any number of them at a time."""

    def __init__(
        self,
        site: Callable[[], Site],
        gatekeeper: Gatekeeper,
        sounds: Sounds,
        journal: Journal,
        clock: Callable[[], datetime],
    ) -> None:
        self._site = site
        self._gatekeeper = gatekeeper
        self._sounds = sounds
        self._journal = journal
        self._clock = clock

    async def answer(self, question: Question, caller: Caller) -> None:
        """Lead one conversation to its end and say in CC_RESULT where the call goes."""
        now = self._clock()
        if not self._gatekeeper.admits(question, now.timestamp()):
            log.warning("a question that is not from our dialplan, or late, or asked twice: not answered")
            return
        await caller.set("TIMEOUT(absolute)", str(LONGEST_CONVERSATION))
        site = self._site()  # the rules that it begins with count to its end, whatever is reloaded meanwhile
        entry = _entry(site, question)
        if entry is None:
            log.error("the dialplan asks what we do not know: install the one of this version", about=question.about)
            return
        state, action = begin(site, entry, now)
        self._identify(site, question, entry, state)
        while isinstance(action, Play | Collect):
            outcome: Outcome | None = None
            try:
                outcome = await self._carry_out(caller, action)
            finally:
                self._tell(question.call, state, outcome)
            state, action = step(site, state, outcome, self._clock())
        await self._conclude(question, caller, state, action)

    async def _conclude(self, question: Question, caller: Caller, state: State, action: Action) -> None:
        result, reason = _result(action)
        await self._gatekeeper.prove(question, result, caller)
        at = self._clock().timestamp()
        self._journal.note(
            CallIdentified(question.call, at, service=state.service, language=state.language),
            Decided(question.call, at, result, reason),
        )

    async def _carry_out(self, caller: Caller, action: Play | Collect) -> Outcome:
        files = [(prompt, self._sounds.file(prompt)) for prompt in action.prompts]
        log.debug("says", prompts=[f"{prompt.language}/{prompt.id}" for prompt in action.prompts])
        there = [(prompt, file) for prompt, file in files if file is not None]
        if isinstance(action, Play):
            heard = [(await caller.play(file)).endpos >= self._sounds.samples(prompt) for prompt, file in there]
            return Played(whole=all(heard) and len(heard) == len(files))
        for _, file in there[:-1]:
            if (digit := (await caller.play(file, ANY_KEY)).digit) is not None:
                return Key(digit)
        if there:
            key = await caller.ask(there[-1][1], action.wait)
        else:
            key = await caller.wait_for_digit(action.wait)
        return Silence() if key is None else Key(key)

    def _identify(self, site: Site, question: Question, entry: Entry, state: State) -> None:
        at = self._clock().timestamp()
        number = e164(question.number, site.country) or (question.number if question.number.isdigit() else None)
        if isinstance(entry, Dialled):
            known = CallIdentified(question.call, at, entry.number, number, state.service, state.language, tier=1)
        else:
            known = CallIdentified(question.call, at, service=state.service)
        self._journal.note(known)

    def _tell(self, call: str, state: State, outcome: Outcome | None) -> None:
        """Note what the caller did; None is to hang up."""
        at = self._clock().timestamp()
        match outcome:
            case Played() | None if state.announcing:
                whole = outcome is not None and outcome.whole
                self._journal.note(Announced(call, at, state.language, whole))
            case Key(key):
                self._journal.note(Heard(call, at, state.service, state.menu or "language", state.language, key))
            case Silence():
                self._journal.note(Heard(call, at, state.service, state.menu or "language", state.language, ""))


def _entry(site: Site, question: Question) -> Entry | None:
    match question.about:
        case "did":
            return Dialled(e164(question.value, site.country) or question.value)
        case "transfer" if question.value in site.services:
            return Transferred(question.value, question.language or None, question.announced, question.sealed)
        case "back":  # to the general line, who was at none: somebody whom an agent had rung
            service = question.value if question.value in site.services else site.general
            return Returned(service, question.language or None, question.announced, question.sealed)
        case "queue" if (service := question.value.partition(":")[0]) in site.services:
            rounds = question.value.partition(":")[2]
            known = question.language or None, question.announced, question.sealed
            return Unanswered(service, *known, rounds=int(rounds) if rounds.isdecimal() else 1)
        case _:
            return None


def _result(action: Action) -> tuple[str, str]:
    """The words of cc-do for where a call goes, and why it is, or is not, recorded there."""
    match action:
        case Wait(service, language, announced, verdict):
            record = verdict is Verdict.RECORD
            return f"queue:{service}:{language or ''}:{record:d}:{announced:d}", verdict.value
        case Pay(language):
            return f"payment:{language or ''}", "calls to payments are never recorded"
        case Fallback(language):
            return f"fallback:{language or ''}", "nobody of the service has answered, again and again"
        case TakeMessage(service, language):
            return f"message:{service}:{language or ''}", "the caller has heard that what they say is recorded and kept"
        case HangUp():
            return "goodbye", "the conversation ended"
        case _:
            raise AssertionError(action)
