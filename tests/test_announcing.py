"""Who was not told, or sealed, is recorded only after the announcement; and where the site wants it, never else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from ccdaemon.faults import SwitchRefused
from ccdaemon.flows.announcing import Announcing
from ccdaemon.flows.segments import Segments
from ccdaemon.model import Event, Site
from ccdaemon.notices import Notice, Resumed
from ccdaemon.rules.calls import Calls, Leg
from ccdaemon.rules.payment import parties
from tests.builders import Noticeboard, an_event, example_site, records

AGENT, CALLER, OTHER, OFFICER, NEAR, FAR = "100.2", "100.1", "100.3", "100.4", "100.5", "100.6"
CALL = CALLER
CHANNELS = {
    AGENT: "PJSIP/1001-00000002",
    CALLER: "PJSIP/trunk-00000001",
    OTHER: "PJSIP/1005-00000003",
    OFFICER: "PJSIP/8001-00000004",
    NEAR: "Local/6111@cc-transfer-00000000;1",
    FAR: "Local/6111@cc-transfer-00000000;2",
}
WANTED = replace(example_site(), announces_transferred=True, resumes=True)
PRESSED, BEGAN = f"PlayDTMF B {CHANNELS[AGENT]}", f"PlayDTMF A {CHANNELS[AGENT]}"


def happens(name: str, leg: str, **fields: str) -> Event:
    return {**an_event(name, leg, CALL), "Channel": CHANNELS[leg], **fields}


def recorder() -> Event:
    return {**records(AGENT, CALL), "Channel": CHANNELS[AGENT]}


def enters(leg: str, bridge: str) -> Event:
    return happens("BridgeEnter", leg, BridgeUniqueid=bridge, BridgeType="basic")


@dataclass
class Switch:
    """An Asterisk with channels and their variables. It plays the announcement when told to, unless `silent`."""

    site: Site = WANTED
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    refuses: str = ""
    silent: bool = False
    calls: Calls = field(default_factory=Calls)
    board: Noticeboard = field(default_factory=Noticeboard)
    noted: list[Notice] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    pressed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        segments = Segments(self, self.calls, self.board)
        self.segments = segments
        self.announcing = Announcing(self, self.calls, lambda: self.site, self, segments, lambda: 7.0)

    def note(self, *notices: Notice) -> None:
        self.noted += notices

    async def listing(self, name: str) -> list[dict[str, str]]:
        assert name == "CoreShowChannels"
        return [
            {"Channel": leg.channel, "Uniqueid": leg.id, "Linkedid": leg.call, "BridgeId": leg.bridge or ""}
            for leg in self.calls.legs.values()
        ]

    async def action(self, name: str, fields: Mapping[str, str]) -> Mapping[str, str]:
        if name == self.refuses:
            message = f"{name}: No such channel"
            raise SwitchRefused(message)
        channel = fields["Channel"]
        variables = self.variables.setdefault(channel, {})
        match name:
            case "Getvar":
                return {"Value": variables.get(fields["Variable"], "")}
            case "Setvar":
                variables[fields["Variable"].removeprefix("__")] = fields["Value"]
            case "PlayDTMF":
                self.done.append(f"{name} {fields['Digit']} {channel}")
                self.pressed.set()
                if fields["Digit"] == "B" and not self.silent:
                    bridge = self.calls.legs[AGENT].bridge
                    peer = next(leg for leg in self.calls.legs.values() if leg.bridge == bridge and leg.id != AGENT)
                    await self.hear(happens("UserEvent", peer.id, UserEvent="CCAnnounced"))
                if fields["Digit"] == "A":
                    await self.hear(recorder())
        return {}

    async def hear(self, *events: Event) -> None:
        for event in events:
            self.calls.apply(event, 0.0)
            await asyncio.gather(*self.segments.heard(event), *self.announcing.heard(event))


TRANSFERRED = {
    CHANNELS[AGENT]: {"CC_SERVICE": "housing", "CC_SEALED": "phone"},
    CHANNELS[CALLER]: {"CC_OUTSIDE": "1", "CC_LANG": "cy", "CC_SERVICE": "highways"},
}
WITH_ANOTHER = [enters(OTHER, "b1"), enters(CALLER, "b1")]
JOINED = [*WITH_ANOTHER, happens("BridgeLeave", OTHER, BridgeUniqueid="b1"), enters(AGENT, "b1")]
BY_LOCAL = [
    *WITH_ANOTHER,
    enters(FAR, "b2"),
    enters(AGENT, "b2"),
    happens("BridgeLeave", OTHER, BridgeUniqueid="b1"),
    enters(NEAR, "b1"),
]
FIRST = [enters(AGENT, "b1"), enters(CALLER, "b1")]


@pytest.mark.parametrize(
    ("claim", "events", "change", "site", "told"),
    [
        ("joined to an agent of a line that records", JOINED, {}, WANTED, True),
        ("through a Local channel that stays", BY_LOCAL, {}, WANTED, True),
        ("the first conversation of a call is the dialplan's to decide", FIRST, {}, WANTED, False),
        ("where the site does not want it", JOINED, {}, example_site(), False),
        ("a line that does not record", JOINED, {AGENT: {"CC_SERVICE": "highways"}}, WANTED, False),
        ("a caller who has been with payments", JOINED, {CALLER: {"CC_SEALED": "payments"}}, WANTED, False),
        ("an agent who is with payments", JOINED, {AGENT: {"CC_SEALED": "payments"}}, WANTED, False),
        ("a caller who objects", JOINED, {CALLER: {"CC_OBJECTED": "1"}}, WANTED, False),
        ("somebody who is not from outside", JOINED, {CALLER: {"CC_OUTSIDE": ""}}, WANTED, False),
        ("an agent who is recorded already", [recorder(), *JOINED], {}, WANTED, False),
        ("three who speak", [*WITH_ANOTHER, enters(AGENT, "b1")], {}, WANTED, False),
    ],
)
async def test_who_is_transferred_is_told_and_then_recorded(
    claim: str, events: list[Event], change: dict[str, dict[str, str]], site: Site, *, told: bool
) -> None:
    variables = {channel: dict(values) for channel, values in TRANSFERRED.items()}
    for leg, values in change.items():
        variables[CHANNELS[leg]] |= values
    switch = Switch(site, variables)
    await switch.hear(*events)
    assert switch.done == ([PRESSED, BEGAN] if told else []), claim
    if told:
        agent = switch.variables[CHANNELS[AGENT]]
        assert (agent["CC_SEALED"], agent["CC_RECORD"], agent["CC_ANNOUNCED"]) == ("", "1", "1")
        peer = FAR if events is BY_LOCAL else CALLER
        assert switch.variables[CHANNELS[peer]]["CC_LANG"] == "cy"


async def test_who_has_not_heard_it_to_its_end_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccdaemon.flows.announcing.LONGEST_ANNOUNCEMENT", 0.01)
    switch = Switch(variables={channel: dict(values) for channel, values in TRANSFERRED.items()}, silent=True)
    await switch.hear(*JOINED)
    assert switch.done == [PRESSED]
    assert "CC_ANNOUNCED" not in switch.variables[CHANNELS[AGENT]]


async def test_who_is_sealed_while_they_are_told_stays_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccdaemon.flows.announcing.LONGEST_ANNOUNCEMENT", 5.0)
    switch = Switch(variables={channel: dict(values) for channel, values in TRANSFERRED.items()}, silent=True)
    told = asyncio.create_task(switch.hear(*JOINED))
    async with asyncio.timeout(5):
        await switch.pressed.wait()
    switch.calls.seal([AGENT])
    switch.variables[CHANNELS[AGENT]]["CC_SEALED"] = "payments"
    await switch.hear(happens("UserEvent", CALLER, UserEvent="CCAnnounced"))
    await told
    assert switch.done == [PRESSED]
    assert switch.variables[CHANNELS[AGENT]]["CC_SEALED"] == "payments"


async def test_what_is_sealed_while_somebody_asks_for_a_recording_is_not_unsealed() -> None:
    class Busy(Switch):
        async def listing(self, name: str) -> list[dict[str, str]]:
            self.calls.seal([AGENT])
            return await super().listing(name)

    switch = Busy(variables={CHANNELS[AGENT]: {"CC_SERVICE": "housing", "CC_SEALED": "payments"}})
    assert await _back_from_payments(switch) == ""
    assert switch.calls.legs[AGENT].sealed


async def _back_from_payments(switch: Switch, *more: Event) -> str:
    """Ask for the recording to go on; what the agent's channel was answered."""
    await switch.hear(recorder(), *FIRST, *more)
    switch.calls.seal([AGENT, CALLER])
    await switch.hear(happens("UserEvent", AGENT, UserEvent="CCResume", Nonce="n1"))
    return switch.variables.get(CHANNELS[AGENT], {}).get("CC_CLEAR", "")


async def test_after_a_payment_an_agent_may_ask_for_the_recording_to_go_on() -> None:
    switch = Switch(variables={CHANNELS[AGENT]: {"CC_SERVICE": "housing", "CC_SEALED": "payments"}})
    assert await _back_from_payments(switch) == "resumed n1"
    assert switch.done == [PRESSED, BEGAN]
    assert switch.noted == [Resumed(CALL, 7.0, AGENT, (CHANNELS[AGENT], CHANNELS[CALLER]))]
    for leg in (AGENT, CALLER):
        assert not switch.calls.legs[leg].sealed
        assert switch.variables[CHANNELS[leg]]["GROUP(cc-payments)"] == ""
        assert switch.variables[CHANNELS[leg]]["CC_SEALED"] == ""


@pytest.mark.parametrize(
    ("claim", "site", "service", "refuses", "more"),
    [
        ("the site does not want it", example_site(), "housing", "", []),
        ("the line does not record", WANTED, "highways", "", []),
        ("nobody knows which line it is", WANTED, "", "", []),
        ("an officer is still on the call", WANTED, "housing", "", [happens("Newchannel", OFFICER)]),
        ("one waits for an officer", WANTED, "housing", "", [happens("QueueCallerJoin", OTHER, Queue="payments")]),
        ("Asterisk will not", WANTED, "housing", "Getvar", []),
    ],
)
async def test_a_recording_is_not_resumed_on_a_doubt(
    claim: str, site: Site, service: str, refuses: str, more: list[Event]
) -> None:
    switch = Switch(site, {CHANNELS[AGENT]: {"CC_SERVICE": service, "CC_SEALED": "payments"}}, refuses)
    assert await _back_from_payments(switch, *more) == "", claim
    assert (switch.done, switch.noted) == ([], []), claim
    assert switch.calls.legs[AGENT].sealed


@pytest.mark.parametrize("leg", [AGENT, CALLER])
async def test_a_recording_is_not_resumed_where_the_caller_objects(leg: str) -> None:
    switch = Switch(variables={CHANNELS[AGENT]: {"CC_SERVICE": "housing", "CC_SEALED": "payments"}})
    switch.variables.setdefault(CHANNELS[leg], {})["CC_OBJECTED"] = "1"
    assert await _back_from_payments(switch) == ""
    assert (switch.done, switch.noted) == ([], [])
    assert switch.calls.legs[AGENT].sealed


def test_who_speaks_with_whom() -> None:
    legs = [
        Leg("1", "1", "PJSIP/trunk-1", "b1"),
        Leg("2", "1", "Local/6111@x-1;1", "b1"),
        Leg("3", "1", "Local/6111@x-1;2", "b2"),
        Leg("4", "1", "PJSIP/1001-2", "b2"),
        Leg("5", "5", "Local/6111@x-2;2", "b3"),
        Leg("6", "6", "PJSIP/1002-3"),
    ]
    for one in legs[:4]:
        assert sorted(leg.id for leg in parties(legs, one)) == ["1", "4"]
    assert parties(legs, legs[4]) == []
    assert parties(legs, legs[5]) == [legs[5]]
