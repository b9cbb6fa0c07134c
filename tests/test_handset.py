"""A handset's conversation, against one that rejects what Asterisk would reject; and who listens, by events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccdaemon.asterisk.agi import CallerGone, Played
from ccdaemon.faults import SwitchRefused
from ccdaemon.flows.handset import Handsets
from ccdaemon.flows.inbound import Gatekeeper
from ccdaemon.flows.supervise import Supervising
from ccdaemon.model import Channel, Event, Mode, Prompt, Supervisor
from ccdaemon.notices import Supervised
from ccdaemon.rules.handset.identity import Checked, CheckPin, Refused
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.prompts import Find, Replace, Wanted
from ccdaemon.rules.handset.supervisor import Join, Leave, WhoSpies
from ccdaemon.rules.handset.takes import MakeRoom, Room, TakeIn
from ccdaemon.rules.handset.talk import Do
from ccdaemon.rules.supervision import Target, Verdict
from ccdaemon.sounds import Sounds
from tests.builders import MONDAY_MORNING, SAMPLES, with_sounds
from tests.test_inbound import SECRET, Notes, a_question, sha1
from tests.test_supervisors import LEN, LINE, PIN, SUE, TARGET, site, talking

HANDSET = "PJSIP/1005-00000001"


@dataclass
class ScriptedHandset:
    """Presses these keys, while any are left, whenever keys count; `gone_at` is the command at which it hangs up."""

    pressed: str = ""
    gone_at: int | None = None
    heard: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    done: list[tuple[str, ...]] = field(default_factory=list)
    commands: int = 0

    async def play(self, file: str, escape: str = "") -> Played:
        self._command(file)
        if self.pressed and self.pressed[0] in escape:
            first, self.pressed = self.pressed[0], self.pressed[1:]
            return Played(first, SAMPLES // 2)
        return Played(None, SAMPLES)

    async def keys(self, file: str, most: int, seconds: float) -> str:
        """As GET DATA: `#` ends, and is not told."""
        assert most >= 1
        assert seconds > 0
        self._command(file)
        taken, ended, rest = self.pressed.partition("#")
        if ended and len(taken) < most:
            self.pressed = rest
            return taken
        taken, self.pressed = self.pressed[:most], self.pressed[most:]
        return taken

    async def wind(self, file: str, stops: str, winding: tuple[str, str, str], skip: float, within: float) -> str:
        """As CONTROL STREAM FILE: a key that means nothing is lost, and the one that pauses has to be pressed again."""
        assert skip > 0
        assert within > skip
        assert not {*stops} & {*winding}
        self._command(file)
        while self.pressed:
            key, self.pressed = self.pressed[0], self.pressed[1:]
            if key in stops:
                return key
        return ""

    async def set(self, name: str, value: str) -> None:
        self._command("")
        assert name == "TIMEOUT(absolute)"
        assert int(value) > 0

    async def get(self, name: str) -> str | None:
        self._command("")
        assert name == "RECORD_STATUS"
        return "DTMF"

    async def execute(self, application: str, *arguments: str, within: float = 10.0) -> str:
        self._command("")
        if application != "MSet":
            assert application in {"PlayTones", "Wait", "StopPlayTones", "Record"}
            self.done.append((application, *arguments, f"within {within:g}"))
            return "0"
        for argument in arguments:
            assert not set(argument) & set(',"\n'), "it would end the argument"
            name, _, value = argument.partition("=")
            self.said[name] = value
        return "0"

    def _command(self, file: str) -> None:
        self.commands += 1
        if self.commands == self.gone_at:
            raise CallerGone
        if file:
            self.heard.append(Path(file).name)


class World:
    """What stories ask of it, and what it answered."""

    def __init__(self, joins: Target | Verdict = TARGET) -> None:
        self.done: list[Do] = []
        self._joins = joins

    def doing(self) -> dict[type[Do], Any]:
        known = (CheckPin, Refused, Join, WhoSpies, Leave, MakeRoom, TakeIn, Find, Replace)
        return dict.fromkeys(known, self._do)

    async def _do(self, wanted: Do, line: Line) -> object:
        assert line.phone.extension == "1005"
        self.done.append(wanted)
        match wanted:
            case CheckPin(_, pin):
                return Checked.RIGHT if pin == PIN else Checked.WRONG
            case Join():
                return self._joins
            case MakeRoom():
                return Room("_ab12", "/spool/takes/_ab12")
            case Find():
                return Wanted("welcome", ("cy",))
            case TakeIn(room, language, ended):
                assert ended == "DTMF"
                return Prompt(room.name, language)
            case Replace():
                return True
        return None


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    return Sounds(with_sounds(tmp_path_factory.mktemp("sounds")))


async def lead(
    sounds: Sounds,
    code: str,
    handset: ScriptedHandset,
    world: World,
    channel: str = HANDSET,
    secret: str = SECRET,
    who: Supervisor = SUE,
) -> str | None:
    """A question from its beginning to the result that the dialplan believes."""
    question = a_question("handset", code, secret=secret)
    handsets = Handsets(*(lambda: site(who), Gatekeeper(SECRET), sounds, world.doing()), MONDAY_MORNING.timestamp)
    await handsets.answer(question, channel, "7.1", handset)
    if (result := handset.said.get("CC_RESULT")) is not None:
        assert handset.said["CC_PROOF"] == sha1(f"{SECRET} {question.nonce} {result}")
    return result


SPIES = "spy:listen:listen-whisper-barge:PJSIP/1001-00000009:1001:9.1:sue"


@pytest.mark.parametrize(
    ("pressed", "joins", "result", "heard"),
    [
        (f"{PIN}#", TARGET, SPIES, ["pin"]),
        (f"1#{PIN}#", TARGET, SPIES, ["pin", "pin-wrong"]),
        ("###", TARGET, "goodbye", ["pin", "pin-wrong", "pin-wrong", "goodbye"]),
        ("", TARGET, "goodbye", ["pin", "pin-wrong", "pin-wrong", "goodbye"]),
        (f"{PIN}#", Verdict.PAYMENTS, "goodbye", ["pin", "spy-payments"]),
    ],
)
async def test_the_dialplan_hears_where_a_story_ended(
    sounds: Sounds, pressed: str, joins: Target | Verdict, result: str, heard: list[str]
) -> None:
    handset = ScriptedHandset(pressed)
    assert await lead(sounds, "*90", handset, World(joins)) == result
    assert handset.heard == heard


@pytest.mark.parametrize(
    ("channel", "secret", "code"),
    [
        ("PJSIP/trunk-00000001", SECRET, "*90"),
        ("Local/1005@cc-internal-00000001;2", SECRET, "*90"),
        (HANDSET, "another secret", "*90"),
        (HANDSET, SECRET, "*99"),
    ],
)
async def test_whoever_is_no_phone_of_ours_is_answered_nothing(
    sounds: Sounds, channel: str, secret: str, code: str
) -> None:
    handset, world = ScriptedHandset(f"{PIN}#"), World()
    assert await lead(sounds, code, handset, world, channel, secret) is None
    assert (handset.heard, world.done) == ([], [])


async def test_wherever_a_handset_hangs_up_nothing_is_said_any_more(sounds: Sounds) -> None:
    whole = ScriptedHandset(f"{PIN}#")
    await lead(sounds, "*90", whole, World())
    for at in range(1, whole.commands + 1):
        handset = ScriptedHandset(f"{PIN}#", gone_at=at)
        with pytest.raises(CallerGone):
            await lead(sounds, "*90", handset, World())
        assert handset.said == {}


async def test_what_is_spoken_is_recorded_after_a_tone_and_whoever_hangs_up_has_replaced_nothing(
    sounds: Sounds,
) -> None:
    known = replace(SUE, may=frozenset({"prompts"}))
    handset, world = ScriptedHandset(f"{PIN}#1"), World()
    assert await lead(sounds, "*293001", handset, world, who=known) == "goodbye"
    assert handset.done == [
        ("PlayTones", "1000", "within 10"),
        ("Wait", "0.4", "within 10"),
        ("StopPlayTones", "within 10"),
        ("Record", "/spool/takes/_ab12.sln", "8", "120", "q", "within 130"),
    ]
    assert handset.heard[-1] == "prompt-replaced"
    for at in range(1, handset.commands - 1):  # at the last two it is done, and they hear so
        gone, world = ScriptedHandset(f"{PIN}#1", gone_at=at), World()
        with pytest.raises(CallerGone):
            await lead(sounds, "*293001", gone, world, who=known)
        assert not any(isinstance(each, Replace) for each in world.done)


async def test_no_key_is_logged(sounds: Sounds) -> None:
    with capture_logs() as lines:
        await lead(sounds, "*90", ScriptedHandset(f"1#{PIN}#"), World())
    assert PIN not in str(lines)


async def test_random_keys_end_every_conversation_without_letting_anybody_in(sounds: Sounds) -> None:
    chance = random.Random(20261126)
    for _ in range(500):
        pressed = "".join(chance.choices("0123456789*#", k=chance.randint(0, 40)))
        code = chance.choice(["*90", "*911001", "*92"])
        assert await lead(sounds, code, ScriptedHandset(pressed), World()) == "goodbye"


# --- who listens -----------------------------------------------------------------------------------------------------

CALLS = (("1001", "100", "housing"),)
AGENT = Channel("PJSIP/1001-00000001", "100.1", "100.1", "b1", "Queue", "")
SPY = Channel(HANDSET, "7.1", "7.1", "", "ChanSpy", "PJSIP/1001-00000001,qESX")


@dataclass
class Switch:
    """An Asterisk with these channels and variables."""

    channels: list[Channel] = field(default_factory=lambda: [AGENT, SPY])
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    done: list[tuple[str, ...]] = field(default_factory=list)

    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]:
        if name in self.refuses:
            message = f"{name}: no"
            raise SwitchRefused(message)
        if name == "Getvar":
            return {"Value": self.variables.get((fields.get("Channel", ""), fields["Variable"]), "")}
        self.done.append((name, *fields.values()))
        return {}

    async def listing(self, name: str) -> list[dict[str, str]]:
        assert name == "CoreShowChannels"
        names = ("name", "id", "call", "bridge", "application", "data")
        keys = ("Channel", "Uniqueid", "Linkedid", "BridgeId", "Application", "ApplicationData")
        return [
            {key: str(getattr(each, name)) for key, name in zip(keys, names, strict=True)} for each in self.channels
        ]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def supervising(switch: Switch | None, *, tells: bool = False) -> tuple[Supervising, Notes, Clock]:
    notes, clock = Notes(), Clock()
    known = replace(site(SUE, LEN), tells_agents=tells)
    it = Supervising(talking(*CALLS), lambda: known, notes, clock)
    if switch is not None:
        it.linked(switch)
    return it, notes, clock


def an_event(name: str, **fields: str) -> Event:
    return {"Event": name, "Uniqueid": SPY.id, "Channel": SPY.name, **fields}


async def tell(it: Supervising, *events: Event) -> None:
    for event in events:
        await asyncio.gather(*it.heard(event))


def did(notes: Notes) -> list[tuple[str, str | None, str | None]]:
    return [(each.did, each.mode, each.reason) for each in notes if isinstance(each, Supervised)]


async def joined(it: Supervising, mode: Mode = "listen") -> None:
    assert isinstance(await it.join(Join(SUE, mode, "1001"), LINE), Target)
    says = an_event("UserEvent", UserEvent="CCSpying", Mode=mode)
    await tell(it, says, an_event("ChanSpyStart", SpyerUniqueid="7.1"))


async def test_what_is_written_down_is_what_asterisk_says() -> None:
    it, notes, clock = supervising(Switch())
    assert isinstance(await it.join(Join(SUE, "listen", "1001"), LINE), Target)
    assert did(notes) == []  # nobody hears anything yet
    await tell(it, an_event("ChanSpyStart", SpyerUniqueid="7.1"))
    clock.now += 5
    await tell(it, an_event("UserEvent", UserEvent="CCSpying", Mode="barge"))
    await tell(it, an_event("UserEvent", UserEvent="CCSpying", Mode="nonsense"))
    clock.now += 7
    await tell(it, an_event("Hangup"), an_event("Hangup"))
    assert did(notes) == [("joined", "listen", None), ("changed", "barge", None), ("left", "barge", None)]
    assert [each.seconds for each in notes if isinstance(each, Supervised)] == [None, None, 12.0]
    assert it.near([SPY], [AGENT]) == []


@pytest.mark.parametrize(
    "switch",
    [
        Switch(variables={(AGENT.name, "CC_SEALED"): "payments"}),
        Switch(variables={("", "GROUP_COUNT(1001@cc-payments)"): "1"}),
        Switch(refuses=frozenset({"Getvar"})),
        None,
    ],
)
async def test_on_any_doubt_about_payments_nobody_is_let_in(switch: Switch | None) -> None:
    it, notes, _ = supervising(switch)
    assert await it.join(Join(SUE, "listen", "1001"), LINE) is Verdict.PAYMENTS
    assert did(notes) == [("refused", "listen", "the call is with payments")]
    assert it.near([SPY], [AGENT]) == []


async def test_who_is_just_being_let_in_is_seen_by_the_door() -> None:
    """The door asks while the seal is being looked at."""
    seen: list[list[Channel]] = []

    class Asks(Switch):
        async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]:
            seen.append(it.near([SPY], [AGENT]))
            return await super().action(name, fields)

    it, _, _ = supervising(Asks())
    await it.join(Join(SUE, "listen", "1001"), LINE)
    assert seen == [[SPY], [SPY]]


async def test_the_door_throws_off_with_a_word_and_then_without() -> None:
    switch = Switch()
    it, notes, clock = supervising(switch)
    await joined(it)
    await it.throw_off(SPY)
    await it.throw_off(SPY)  # it is on its way
    assert switch.done == [("Redirect", SPY.name, "cc-supervise", "thrown-off", "1")]
    clock.now += 1
    await it.throw_off(SPY)
    assert switch.done[1:] == [("Hangup", SPY.name)]
    assert did(notes)[1:] == [("thrown off", "listen", "the call goes to payments")]


@pytest.mark.parametrize("pays", [True, False])
async def test_who_is_let_go_of_before_the_door_is_asked_hears_that_the_call_goes_to_payments(
    pays: bool,  # noqa: FBT001 - a column of the table
) -> None:
    calls, notes = talking(*CALLS), Notes()
    it = Supervising(calls, lambda: site(SUE), notes, Clock())
    it.linked(Switch())
    await joined(it)
    asked = asyncio.create_task(it.leave(Leave(), LINE))
    await asyncio.sleep(0)
    assert not asked.done()
    if pays:
        calls.seal([AGENT.id])
    assert await asked is pays
    assert did(notes)[1:] == [("left", "listen", "the call goes to payments" if pays else None)]


async def test_who_cannot_be_moved_is_hung_up() -> None:
    switch = Switch(refuses=frozenset({"Redirect"}))
    it, _, _ = supervising(switch)
    await joined(it)
    await it.throw_off(SPY)
    assert switch.done == [("Hangup", SPY.name)]


@pytest.mark.parametrize(("mode", "again"), [("listen", 0), ("whisper", 0), ("barge", 1)])
async def test_who_barged_in_is_let_go_of_by_whoever_leaves_the_call(mode: Mode, again: int) -> None:
    """ChanSpy goes on speaking to the channel that the agent was bridged with when it began."""
    switch = Switch()
    it, _, _ = supervising(switch)
    await joined(it, mode)
    await tell(it, {"Event": "BridgeLeave", "Uniqueid": AGENT.id}, {"Event": "BridgeLeave", "Uniqueid": "3.3"})
    assert switch.done == [("Redirect", SPY.name, "cc-supervise", "again", "1")] * again


@pytest.mark.parametrize("tells", [False, True])
async def test_agents_are_told_once_where_the_site_wants_it(tells: bool) -> None:  # noqa: FBT001 - a table's column
    switch = Switch()
    it, _, _ = supervising(switch, tells=tells)
    await joined(it)
    await tell(it, an_event("ChanSpyStart", SpyerUniqueid="7.1"))  # in another mode
    assert switch.done == ([("PlayDTMF", AGENT.name, "C", "true")] if tells else [])


WORD = f"spy:whisper:listen-whisper:{AGENT.name}:1001:{AGENT.id}:sue"


@pytest.mark.parametrize(
    ("word", "spy", "agent", "sealed", "stays"),
    [
        (WORD, SPY, AGENT, "", True),
        (WORD, SPY, AGENT, "phone", True),
        (WORD, SPY, AGENT, "payments", False),
        ("", SPY, AGENT, "", False),  # a foreign ChanSpy
        ("spy:whisper", SPY, AGENT, "", False),
        (WORD, replace(SPY, data="PJSIP/1002-00000001,q"), AGENT, "", False),  # it hears somebody else
        (WORD, replace(SPY, application="ExtenSpy"), AGENT, "", False),
        (WORD, SPY, replace(AGENT, id="200.9"), "", False),  # the name is used again
        (WORD, SPY, None, "", False),
    ],
)
async def test_after_a_restart_only_those_stay_whose_target_is_certain(
    word: str, spy: Channel, agent: Channel | None, sealed: str, *, stays: bool
) -> None:
    switch = Switch([spy, *([agent] if agent else [])])
    switch.variables = {(spy.name, "CC_SPY"): word, (AGENT.name, "CC_SEALED"): sealed}
    it, notes, _ = supervising(None)
    await it.resume(switch)
    assert switch.done == ([] if stays else [("Hangup", spy.name)])
    assert it.near([spy], [AGENT]) == ([spy] if stays else [])
    assert did(notes)[-1] == (
        ("joined", "whisper", "found after a restart") if stays else ("thrown off", None, "nobody knows whom they hear")
    )


async def test_somebody_elses_chanspy_on_a_sealed_call_is_hung_up() -> None:
    switch = Switch()
    calls = talking(*CALLS, ("1002", "200", "housing"))
    calls.seal([AGENT.id])
    it = Supervising(calls, site, Notes(), Clock())
    it.linked(switch)
    starts = {"Event": "ChanSpyStart", "SpyerChannel": "PJSIP/1009-00000003", "SpyerUniqueid": "9.9"}
    await tell(it, {**starts, "SpyeeUniqueid": "200.2"}, {**starts, "SpyeeUniqueid": AGENT.id}, starts)
    assert switch.done == [("Hangup", "PJSIP/1009-00000003")]


async def test_who_has_gone_while_nobody_looked_has_left() -> None:
    it, notes, _ = supervising(Switch())
    await joined(it)
    await it.resume(Switch([AGENT]))
    assert did(notes)[1:] == [("left", "listen", "while nobody looked")]
