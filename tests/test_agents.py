"""Agents log in, pause and come back: the rules by tables, the flow on queues that refuse what Asterisk refuses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ccdaemon.agents import Agent, Pauses, Shift
from ccdaemon.config import ConfigurationFaults, load
from ccdaemon.faults import RegisterFull, SwitchLost, SwitchRefused
from ccdaemon.flows.agents import Agents
from ccdaemon.model import Setting, Site
from ccdaemon.rules.agents import (
    LOGGED_OUT,
    UNANSWERED,
    UNREACHABLE,
    WRAP_UP,
    Add,
    Pause,
    Place,
    Remove,
    Step,
    anew,
    differences,
    later,
    paused,
    places,
    rung,
    services_in,
)
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.handset.agent import EndWrapUp, LogIn, LogOut, Look, PauseFor
from ccdaemon.rules.handset.codes import story
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.rota import member_faults
from ccdaemon.rules.handset.talk import Do, HangUp, Keys, Say
from ccdaemon.rules.queues import IN_USE, NOT_IN_USE, UNAVAILABLE, Member
from ccdaemon.store import open_register
from tests.builders import PROMPTS, Edit, example, example_site, parties_in, written_site

REASONS = {"1": "break", "2": "lunch", "12": "training"}
WELSH = Agent("1002", ("housing",), frozenset({"cy"}))
OFFICER = Agent("8001", ("payments",), frozenset({"cy"}))


def a_site(*agents: Agent, wrap_up: float = 0.0) -> Site:
    site = example_site()
    housing = site.services["housing"]
    services = {**site.services, "housing": replace(housing, queue=replace(housing.queue, wrap_up=wrap_up))}
    known = {each.extension: each for each in agents or (Agent("1001", ("housing", "general")), WELSH, OFFICER)}
    return replace(site, services=services, agents=known, pauses=Pauses(REASONS, 300.0, 3))


SITE = a_site()
SHIFT = Shift("1002", "1002", 0.0)
IN = Member(NOT_IN_USE, paused=False, dynamic=True)
SECOND = replace(IN, penalty=1)
BOTH = {"housing": SECOND, "housing-cy": IN}


def held(member: Member, why: str) -> Member:
    return replace(member, paused=True, reason=why)


# --- in which queues -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (Agent("1001", ("housing",)), {"housing": Place(0, 40)}),
        (WELSH, {"housing": Place(1, 40), "housing-cy": Place(0, 40)}),
        (replace(WELSH, penalties={"housing": 5}), {"housing": Place(5, 40), "housing-cy": Place(0, 40)}),
        (replace(WELSH, penalties={"housing": 0}), {"housing": Place(0, 40), "housing-cy": Place(0, 40)}),
        (Agent("1001", ("general", "housing")), {"reception": Place(0, 0), "housing": Place(0, 40)}),
        (OFFICER, {"payments": Place(1, 0), "payments-cy": Place(0, 0)}),
        (Agent("1001", ("nothing-of-this-name",)), {}),
    ],
)
def test_an_agent_is_in_the_queues_of_their_services_and_languages(agent: Agent, expected: dict[str, Place]) -> None:
    assert places(a_site(wrap_up=40), agent) == expected


@pytest.mark.parametrize(
    ("what", "shift", "there", "expected"),
    [
        ("logged out, and nowhere", None, {}, []),
        ("logged in", SHIFT, {}, [Add("housing", Place(1, 0), ""), Add("housing-cy", Place(0, 0), "")]),
        ("logged in and there", SHIFT, BOTH, []),
        ("logged out, and there", None, BOTH, [Remove("housing"), Remove("housing-cy")]),
        (
            "paused",
            replace(SHIFT, paused="lunch"),
            BOTH,
            [Pause("housing", "lunch"), Pause("housing-cy", "lunch")],
        ),
        (
            "paused, of which one queue knows",
            replace(SHIFT, paused="lunch"),
            {"housing": held(SECOND, "lunch"), "housing-cy": IN},
            [Pause("housing-cy", "lunch")],
        ),
        (
            "paused for another reason",
            replace(SHIFT, paused="lunch"),
            {"housing": held(SECOND, "break"), "housing-cy": held(IN, "lunch")},
            [Pause("housing", "lunch")],
        ),
        (
            "back",
            SHIFT,
            {"housing": held(SECOND, "lunch"), "housing-cy": held(IN, "lunch")},
            [Pause("housing", ""), Pause("housing-cy", "")],
        ),
        (
            "in a queue that is not theirs",
            SHIFT,
            {**BOTH, "payments": IN},
            [Remove("payments")],
        ),
        (
            "of another penalty than the site has",
            SHIFT,
            {**BOTH, "housing": IN},
            [Remove("housing"), Add("housing", Place(1, 0), "")],
        ),
        (
            "a phone that is gone",
            SHIFT,
            {"housing": replace(SECOND, status=UNAVAILABLE), "housing-cy": replace(IN, status=UNAVAILABLE)},
            [Pause("housing", UNREACHABLE), Pause("housing-cy", UNREACHABLE)],
        ),
        (
            "a phone that is back",
            SHIFT,
            {"housing": held(SECOND, UNREACHABLE), "housing-cy": held(IN, UNREACHABLE)},
            [Pause("housing", ""), Pause("housing-cy", "")],
        ),
        (
            "a phone that is gone while its agent has lunch",
            replace(SHIFT, paused="lunch"),
            {
                "housing": replace(held(SECOND, "lunch"), status=UNAVAILABLE),
                "housing-cy": replace(held(IN, "lunch"), status=UNAVAILABLE),
            },
            [],
        ),
        (
            "put there by queues.conf, and logged in",
            SHIFT,
            {"housing": replace(IN, dynamic=False), "housing-cy": IN},
            [],
        ),
        (
            "put there by queues.conf, and logged out",
            None,
            {"housing": replace(IN, dynamic=False)},
            [Pause("housing", LOGGED_OUT)],
        ),
        (
            "put into another's queue by queues.conf, and logged in",
            SHIFT,
            {**BOTH, "assist": replace(held(IN, LOGGED_OUT), dynamic=False)},
            [Pause("assist", "")],
        ),
        (
            "put there by queues.conf, and logged in again",
            SHIFT,
            {"housing": replace(held(IN, LOGGED_OUT), dynamic=False), "housing-cy": IN},
            [Pause("housing", "")],
        ),
    ],
)
def test_asterisk_is_made_to_agree(
    what: str, shift: Shift | None, there: dict[str, Member], expected: list[Step]
) -> None:
    assert differences(SITE, WELSH, shift, there) == expected, what


def test_who_is_no_agent_any_more_leaves_all_queues() -> None:
    assert differences(SITE, None, SHIFT, BOTH) == [Remove("housing"), Remove("housing-cy")]


@pytest.mark.parametrize(
    ("member", "comes_anew"),
    [
        (replace(IN, last_call=9_990.0), True),
        (replace(IN, last_call=9_990.0, status=IN_USE), True),  # they dial *48 on it
        (replace(IN, last_call=9_990.0, status=IN_USE, in_call=True), False),
        (replace(IN, last_call=9_990.0, dynamic=False), False),
        (IN, False),
        (replace(IN, last_call=6_400.0), False),
    ],
)
def test_wrap_up_time_ends_for_who_is_in_no_call_and_can_come_anew(member: Member, *, comes_anew: bool) -> None:
    assert anew({"housing": member}, 10_000.0) == (
        [Remove("housing"), Add("housing", Place(0, 0), "")] if comes_anew else []
    )


@pytest.mark.parametrize(
    ("shift", "rings", "expected"),
    [
        (SHIFT, "n", ("", 1)),
        (SHIFT, "nn", ("", 2)),
        (SHIFT, "nnn", (UNANSWERED, 3)),
        (SHIFT, "nnan", ("", 1)),
        (SHIFT, "nnnn", (UNANSWERED, 3)),
        (replace(SHIFT, paused="lunch"), "nnn", ("lunch", 0)),
        (replace(SHIFT, paused=WRAP_UP), "a", (WRAP_UP, 0)),
    ],
)
def test_who_lets_so_many_calls_ring_in_a_row_is_paused(shift: Shift, rings: str, expected: tuple[str, int]) -> None:
    for each in rings:
        shift = rung(shift, 3, answered=each == "a")
    assert (shift.paused, shift.unanswered) == expected


def test_a_pause_for_a_time_ends_and_no_other_does() -> None:
    assert later(paused(SHIFT, WRAP_UP, 300.0), 299.9).paused == WRAP_UP
    assert later(paused(SHIFT, WRAP_UP, 300.0), 300.0) == SHIFT
    assert later(paused(SHIFT, "lunch"), 1e9).paused == "lunch"


def test_the_services_that_are_told_are_those_whose_queue_asterisk_has() -> None:
    agent = SITE.agents["1001"]
    assert services_in(SITE, agent, {"housing": IN, "reception": IN}) == ("housing", "general")
    assert services_in(SITE, agent, {"reception": IN}) == ("general",)


# --- queues that refuse what Asterisk refuses ------------------------------------------------------------------------


@dataclass
class Queues:
    """Asterisk's, with its answers (app_queue.c). `static` are members of queues.conf; with `lost` no link is there."""

    names: set[str] = field(
        default_factory=lambda: {name for each in SITE.services.values() for name in each.queue.names}
    )
    members: dict[tuple[str, str], Member] = field(default_factory=dict)
    lost: bool = False
    sent: list[str] = field(default_factory=list)

    async def action(self, name: str, fields: Mapping[str, str]) -> dict[str, str]:
        await asyncio.sleep(0)
        if self.lost:
            raise SwitchLost
        queue, who = fields["Queue"], fields["Interface"]
        self.sent.append(f"{name} {queue} {who.removeprefix('PJSIP/')}")
        assert who.startswith("PJSIP/")
        if queue not in self.names:
            self._refuse(name, "Unable to add interface to queue: No such queue")
        member = self.members.get((queue, who))
        is_paused = fields.get("Paused") == "true"
        match name:
            case "QueueAdd":
                if member is not None:
                    self._refuse(name, "Unable to add interface: Already there")
                reason, wrap_up = fields.get("Reason", ""), float(fields.get("Wrapuptime", "0"))
                new = Member(NOT_IN_USE, is_paused, 0.0, wrap_up, int(fields["Penalty"]), reason, dynamic=True)
                self.members[queue, who] = new
            case "QueueRemove":
                if member is None:
                    self._refuse(name, "Unable to remove interface: Not there")
                if member is not None and not member.dynamic:
                    self._refuse(name, "Member not dynamic")
                del self.members[queue, who]
            case "QueuePause":
                if member is None:
                    self._refuse(name, "Interface not found")
                assert member is not None
                reason = fields.get("Reason", "") if is_paused else ""
                self.members[queue, who] = replace(member, paused=is_paused, reason=reason)
            case _:
                self._refuse(name, "Invalid/unknown command")
        return {"Response": "Success"}

    async def listing(self, name: str, fields: Mapping[str, str]) -> list[dict[str, str]]:
        assert name == "QueueStatus"
        if self.lost:
            raise SwitchLost
        return [
            {
                "Event": "QueueMember",
                "Queue": queue,
                "Location": who,
                "Membership": "dynamic" if member.dynamic else "static",
                "Penalty": str(member.penalty),
                "InCall": str(int(member.in_call)),
                "LastCall": str(int(member.last_call)),
                "Status": member.status,
                "Paused": str(int(member.paused)),
                "PausedReason": member.reason,
                "Wrapuptime": str(int(member.wrap_up)),
            }
            for (queue, who), member in self.members.items()
            if who == fields["Member"]
        ]

    def of(self, extension: str) -> dict[str, str]:
        """Why a phone is paused in each of its queues; `-` where it is not."""
        mine = {queue: member for (queue, who), member in self.members.items() if who == f"PJSIP/{extension}"}
        return {queue: member.reason if member.paused else "-" for queue, member in mine.items()}

    def tell(self, calls: Calls) -> None:
        """What events would have told."""
        calls.queues.clear()
        for (queue, who), member in self.members.items():
            calls.queues[queue].members[who] = member

    @staticmethod
    def _refuse(name: str, text: str) -> None:
        message = f"{name}: {text}"
        raise SwitchRefused(message)


@dataclass
class Register:
    kept: dict[str, Shift] = field(default_factory=dict)
    full: bool = False

    async def shifts(self) -> list[Shift]:
        return [*self.kept.values()]

    async def keep_shift(self, shift: Shift) -> None:
        if self.full:
            raise RegisterFull
        self.kept[shift.extension] = shift

    async def end_shift(self, extension: str) -> None:
        if self.full:
            raise RegisterFull
        self.kept.pop(extension, None)


@dataclass
class Desk:
    """The flow, on queues and a register of its own."""

    queues: Queues = field(default_factory=Queues)
    register: Register = field(default_factory=Register)
    calls: Calls = field(default_factory=Calls)
    site: Site = SITE
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.agents = Agents(self.register, self.calls, lambda: self.site, lambda: self.now)

    async def do(self, wanted: Do, extension: str = "1002") -> object:
        line = Line(self.site.phones[extension], f"PJSIP/{extension}-1", "1.1", "1.1")
        return await self.agents.doing()[type(wanted)](wanted, line)

    @asynccontextmanager
    async def linked(self) -> AsyncIterator[None]:
        self.queues.tell(self.calls)
        task = asyncio.create_task(self.agents.keep(self.queues))
        await asyncio.sleep(0.01)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def settle(self, event: Mapping[str, str]) -> None:
        self.queues.tell(self.calls)
        self.agents.heard(event)
        await asyncio.sleep(0.01)


CHANGED = {"Event": "QueueMemberStatus"}
RANG = {"Event": "AgentRingNoAnswer", "Interface": "PJSIP/1002"}


async def test_who_logs_in_is_in_their_queues_and_in_the_register_until_they_log_out() -> None:
    desk = Desk()
    async with desk.linked():
        assert await desk.do(LogIn()) == ("housing",)
        assert desk.queues.of("1002") == {"housing": "-", "housing-cy": "-"}
        assert desk.register.kept == {"1002": Shift("1002", "1002", 1000.0)}
        assert await desk.do(PauseFor("lunch"))
        assert desk.queues.of("1002") == {"housing": "lunch", "housing-cy": "lunch"}
        assert await desk.do(LogOut())
    assert (desk.queues.of("1002"), desk.register.kept) == ({}, {})


async def test_a_queue_that_is_not_there_is_not_told_and_hinders_no_other() -> None:
    desk = Desk()
    desk.queues.names -= {"housing"}
    async with desk.linked():
        assert await desk.do(LogIn(), "1001") == ("general",)
        assert await desk.do(LogIn()) == ()
    assert desk.register.kept.keys() == {"1001"}


async def test_without_a_link_nothing_is_promised_and_nothing_is_half_done() -> None:
    desk = Desk()
    assert await desk.do(LogIn()) == ()
    async with desk.linked():
        await desk.do(LogIn())
        desk.queues.lost = True
        assert not await desk.do(PauseFor("lunch"))
        assert not await desk.do(LogOut())
        assert not await desk.do(EndWrapUp())
        desk.queues.lost = False
        assert (await desk.do(Look())) == Shift("1002", "1002", 1000.0)


async def test_a_full_disk_hinders_nobody_from_logging_in() -> None:
    desk = Desk(register=Register(full=True))
    async with desk.linked():
        assert await desk.do(LogIn()) == ("housing",)
        assert await desk.do(LogOut())


async def test_a_restart_finds_what_differs_and_puts_it_right() -> None:
    desk = Desk(register=Register({"1002": replace(SHIFT, paused="lunch")}))
    desk.queues.members = {
        ("housing", "PJSIP/1002"): SECOND,
        ("payments", "PJSIP/8001"): IN,  # whose log-out was cut short
        ("payments", "PJSIP/8002"): IN,  # no agent of ours
    }
    await desk.agents.begin()
    async with desk.linked():
        pass
    assert desk.queues.of("1002") == {"housing": "lunch", "housing-cy": "lunch"}
    assert desk.queues.of("8001") == {}
    assert desk.queues.of("8002") == {"payments": "-"}


async def test_who_is_taken_out_of_the_sites_file_is_logged_out() -> None:
    desk = Desk()
    async with desk.linked():
        await desk.do(LogIn())
        desk.site = a_site(OFFICER)
        await desk.settle(CHANGED)
    assert (desk.queues.of("1002"), desk.register.kept) == ({}, {})


async def test_who_lets_calls_ring_is_paused_and_what_they_do_then_counts() -> None:
    desk = Desk()
    async with desk.linked():
        await desk.do(LogIn())
        for _ in range(2):
            await desk.settle(RANG)
        assert set(desk.queues.of("1002").values()) == {"-"}
        await desk.settle({"Event": "AgentConnect", "Interface": "PJSIP/1002"})
        for _ in range(3):
            await desk.settle(RANG)
        assert set(desk.queues.of("1002").values()) == {UNANSWERED}
        assert desk.register.kept["1002"].paused == UNANSWERED
        assert await desk.do(PauseFor(""))
        assert set(desk.queues.of("1002").values()) == {"-"}


async def test_a_phone_that_is_gone_is_paused_and_back_with_it() -> None:
    desk = Desk()
    async with desk.linked():
        await desk.do(LogIn())
        for status, why in ((UNAVAILABLE, UNREACHABLE), (NOT_IN_USE, "-")):
            desk.queues.members = {at: replace(each, status=status) for at, each in desk.queues.members.items()}
            await desk.settle(CHANGED)
            assert set(desk.queues.of("1002").values()) == {why}


async def test_time_after_a_call_ends_by_itself_or_at_once() -> None:
    desk = Desk()
    async with desk.linked():
        await desk.do(LogIn())
        await desk.do(PauseFor(WRAP_UP, 300.0))
        await desk.settle(CHANGED)
        assert set(desk.queues.of("1002").values()) == {WRAP_UP}
        desk.now += 300.0
        await desk.settle(CHANGED)
        assert set(desk.queues.of("1002").values()) == {"-"}
        desk.queues.members = {at: replace(each, last_call=desk.now) for at, each in desk.queues.members.items()}
        assert await desk.do(EndWrapUp())
        assert {each.last_call for each in desk.queues.members.values()} == {0.0}
        assert desk.queues.of("1002") == {"housing": "-", "housing-cy": "-"}


async def test_whom_queues_conf_put_there_is_paused_and_stays() -> None:
    desk = Desk()
    desk.queues.members = {("housing", "PJSIP/1002"): replace(IN, dynamic=False)}
    async with desk.linked():
        assert desk.queues.of("1002") == {"housing": LOGGED_OUT}
        assert await desk.do(LogIn()) == ("housing",)
        assert desk.queues.of("1002") == {"housing": "-", "housing-cy": "-"}
        assert await desk.do(LogOut())
    assert desk.queues.of("1002") == {"housing": LOGGED_OUT}


# --- what handsets say -----------------------------------------------------------------------------------------------


@dataclass
class Led:
    """A story, led by keys: what was heard, and what was done."""

    site: Site = SITE
    shift: Shift | None = None
    works: bool = True
    extension: str = "1002"
    heard: list[str] = field(default_factory=list)
    done: list[Do] = field(default_factory=list)
    end: object = None

    def lead(self, code: str, *keys: str) -> Led:
        told = story(self.site, self.site.phones[self.extension], code)
        assert told is not None, code
        pressed = iter(keys)
        came: object = None
        try:
            while True:
                match told.send(came):
                    case Say(prompts):
                        self.heard += [each.id for each in prompts]
                        came = None
                    case Keys(prompts):
                        self.heard += [each.id for each in prompts]
                        came = next(pressed, "")
                    case Do() as wanted:
                        came = self._do(wanted)
        except StopIteration as over:
            self.end = over.value
        return self

    def _do(self, wanted: Do) -> object:
        self.done.append(wanted)
        match wanted:
            case Look():
                return self.shift
            case LogIn():
                if not self.works:
                    return ()
                self.shift = SHIFT
                return self.site.agents[self.extension].services
            case LogOut() if self.works:
                self.shift = None
            case PauseFor(why, _) if self.works and self.shift is not None:
                self.shift = paused(self.shift, why)
            case EndWrapUp() if self.works and self.shift is not None:
                self.shift = paused(self.shift, "")
        return self.works


LUNCH, RANG_OUT = paused(SHIFT, "lunch"), replace(SHIFT, paused=UNANSWERED)
ASKED = ["agent-reason", "digits/1", "pause-break", "digits/2", "pause-lunch", "digits/1", "digits/2", "pause-training"]
ASKED += ["digits/0", "pause-back"]


@pytest.mark.parametrize(
    ("code", "shift", "keys", "heard", "then"),
    [
        ("*45", None, [], ["agent-logged-in", "service-housing"], ""),
        ("*45", SHIFT, [], ["agent-logged-out"], None),
        ("*45", RANG_OUT, [], ["agent-unanswered", "agent-logged-out"], None),
        ("*46", None, [], ["agent-not-logged-in"], None),
        ("*462", SHIFT, [], ["agent-paused", "pause-lunch"], "lunch"),
        ("*4612", SHIFT, [], ["agent-paused", "pause-training"], "training"),
        ("*461", LUNCH, [], ["agent-paused", "pause-break"], "break"),
        ("*460", LUNCH, [], ["agent-takes-calls"], ""),
        ("*46", LUNCH, [], ["agent-takes-calls"], ""),
        ("*46", RANG_OUT, [], ["agent-unanswered", "agent-takes-calls"], ""),
        ("*46", SHIFT, ["2"], [*ASKED, "agent-paused", "pause-lunch"], "lunch"),
        ("*46", SHIFT, ["7", "1"], [*ASKED, "invalid-key", *ASKED, "agent-paused", "pause-break"], "break"),
        ("*469", SHIFT, ["0"], ["invalid-key", *ASKED, "agent-takes-calls"], ""),
        ("*46", SHIFT, [], [*ASKED * 3, "goodbye"], ""),
        ("*47", SHIFT, [], ["agent-wrap-up-longer"], WRAP_UP),
        ("*47", RANG_OUT, [], ["agent-unanswered", "agent-wrap-up-longer"], WRAP_UP),
        ("*47", LUNCH, [], ["agent-paused", "pause-lunch"], "lunch"),
        ("*48", paused(SHIFT, WRAP_UP), [], ["agent-takes-calls"], ""),
        ("*48", SHIFT, [], ["agent-takes-calls"], ""),
        ("*48", LUNCH, [], ["agent-paused", "pause-lunch"], "lunch"),
    ],
)
def test_what_a_handset_says(
    code: str, shift: Shift | None, keys: list[str], heard: list[str], then: str | None
) -> None:
    led = Led(shift=shift).lead(code, *keys)
    assert led.heard == heard
    assert (led.shift.paused if led.shift is not None else None) == then


@pytest.mark.parametrize("code", ["*45", "*46", "*461", "*47", "*48"])
def test_a_phone_of_no_agent_changes_nothing_and_what_did_not_work_is_said(code: str) -> None:
    nobody = Led(extension="1003").lead(code)
    assert (nobody.heard, nobody.done) == (["handset-not-allowed"], [])
    for shift in (None, SHIFT, RANG_OUT):
        led = Led(shift=shift, works=False).lead(code, "1")
        assert led.heard[-1] == ("handset-unavailable" if shift or code == "*45" else "agent-not-logged-in")
        assert led.shift == shift


def test_whatever_keys_are_pressed_a_story_ends_with_an_agent_who_is_in_a_state_that_is_known() -> None:
    chance = random.Random(46)
    catalogue = example().catalogue
    for _ in range(10_000):
        led = Led(shift=chance.choice([None, SHIFT, LUNCH, RANG_OUT, paused(SHIFT, WRAP_UP)]))
        for _ in range(chance.randint(1, 4)):
            led.works = chance.random() < 0.9
            code = chance.choice(["*45", "*46", "*47", "*48", f"*46{chance.randint(0, 99)}"])
            led.lead(code, *("".join(chance.choices("0123456789*", k=chance.randint(0, 2))) for _ in range(4)))
            assert led.heard
            assert led.end == HangUp()
            said_last = led.heard[-1]
            assert said_last in catalogue
            if said_last == "agent-takes-calls":
                assert led.shift is not None
                assert led.shift.paused == ""
        assert led.shift is None or led.shift.paused in {"", WRAP_UP, UNANSWERED, *REASONS.values()}
        assert len([each for each in led.done if not isinstance(each, Look)]) <= 4


# --- what a site may say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ('[agents.1099]\nservices = ["housing"]', "agents.1099", "no phone 1099"),
        ('[agents.1001]\nservices = ["nowhere"]', "agents.1001.services", "no services/nowhere.toml"),
        ("[agents.1001]\nservices = []", "agents.1001.services", "names no service"),
        ('[agents.1001]\nservices = ["payments"]', "agents.1001.services", "officers' phones only"),
        ('[agents.1001]\nservices = ["housing"]\nlanguages = ["fr"]', "agents.1001.languages", "queue for 'fr'"),
        ('[agents.1010]\nservices = ["welsh-line"]\nlanguages = ["cy"]', "agents.1010.languages", "queue for 'cy'"),
        ('[agents.1001]\nservices = ["housing"]\npenalties = { ict = 1 }', "agents.1001.penalties.ict", "none of"),
        ('[agents.1001]\nservices = ["housing"]\npenalties = { housing = -1 }', "agents.1001.penalties.housing", ""),
    ],
)
def test_an_agent_who_makes_no_sense_is_refused(tmp_path: Path, table: str, key: str, words: str) -> None:
    edit = Edit("ccdaemon.toml", "\n[pauses]\n", f"\n{table}\n\n[pauses]\n")
    with pytest.raises(ConfigurationFaults) as refused:
        load(written_site(tmp_path, [edit]), PROMPTS)
    (fault,) = refused.value.faults
    assert (fault.key, words in fault.text) == (key, True), fault


@pytest.mark.parametrize(
    ("reason", "key", "words"),
    [
        ('1 = "unanswered"', "pauses.reasons.1", "choose another word"),
        ('1 = "fishing"', "pauses.reasons.1", "no prompt 'pause-fishing'"),
        ('0 = "break"', "pauses.reasons.0", "1 to 99"),
        ('100 = "break"', "pauses.reasons.100", "1 to 99"),
    ],
)
def test_a_reason_that_cannot_be_dialled_or_said_is_refused(tmp_path: Path, reason: str, key: str, words: str) -> None:
    edit = Edit("ccdaemon.toml", '1 = "break"', reason)
    with pytest.raises(ConfigurationFaults) as refused:
        load(written_site(tmp_path, [edit]), PROMPTS)
    assert any(each.key == key and words in each.text for each in refused.value.faults), refused.value


def test_a_site_with_agents_loads_and_every_line_has_a_name_to_be_said(tmp_path: Path) -> None:
    services = [name for name in example_site().services if name != "payments"]
    tables = f'[agents.1001]\nservices = {services}\nlanguages = ["cy"]\n[agents.8001]\nservices = ["payments"]\n'
    edit = Edit("ccdaemon.toml", "\n[pauses]\n", f"\n{tables}\n[pauses]\n")
    assert load(written_site(tmp_path, [edit]), PROMPTS).site.agents.keys() == {"1001", "8001"}


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("housing", "member", "PJSIP/1002,1", "only paused"),
        ("housing-cy", "member", "pjsip/1002", "only paused"),
        ("housing", "member", "PJSIP/1003", None),
        ("highways", "member", "PJSIP/1002", "only paused"),
        ("general", "persistentmembers", "no", "logs everybody out"),
    ],
)
def test_queues_conf_lets_log_in_and_out_who_does_so(section: str, key: str, value: str, words: str | None) -> None:
    settings = [Setting("general", "persistentmembers", "yes", "queues.conf:3"), Setting(section, key, value, "q:9")]
    found = [*member_faults(SITE, settings)]
    assert [words in each.text for each in found if words is not None] == ([True] if words else [])
    assert bool(found) == bool(words)


async def test_a_restart_of_the_register_knows_every_shift(tmp_path: Path) -> None:
    shift = Shift("1002", "desk-2", 12.5, "lunch", 99.5, 2)
    async with open_register(tmp_path / "register", parties_in(tmp_path)) as register:
        await register.keep_shift(SHIFT)
        await register.keep_shift(shift)
        await register.keep_shift(Shift("1001", "1001", 1.0))
        await register.end_shift("1001")
    async with open_register(tmp_path / "register", parties_in(tmp_path)) as register:
        assert await register.shifts() == [shift]
