"""The ways in which a call reaches a payments officer, as callers, agents and officers take them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ccdaemon.asterisk.agi import CallerGone
from tests.lab.centre import SOUNDS
from tests.lab.hearing import heard
from tests.lab.phones import AGENT, OFFICER, Phone
from tests.lab.stage import TALK, Act, Stage, Way

HOUSING, ASSIST = "01632960111", "01632960112"
HOUSING_EXTENSION, PAYMENTS = "6111", "8000"
GENERAL_NUMBER, PAYMENTS_NUMBER = "01632960100", "01632960109"
COLLEAGUE = "1299"
ON_TWO_LINES, LINE_2 = "1290", "1291"  # accounts of one phone
WHO_CALL = tuple(f"819{number}" for number in range(10))  # officers who dial themselves
KEYS_HEARD = 1.2  # seconds until Asterisk listens for the number, after a feature code


# --- what agents do --------------------------------------------------------------------------------------------------


async def _by_code(phone: Phone, code: str, number: str) -> None:
    await phone.hush()
    await phone.press(code)
    await asyncio.sleep(KEYS_HEARD)
    with suppress(CallerGone):  # a blind transfer ends the call with its last key
        await phone.press(number)
        await phone.speak(AGENT)


async def blind_refer(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip(PAYMENTS))
    await act.with_officer()


async def blind_code(act: Act, phone: Phone) -> None:
    await _by_code(phone, "#1", PAYMENTS)
    await act.with_officer()


async def officers_extension(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip("8001"))
    await act.with_officer()


async def attended_code(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    phone.hang_up()
    await asyncio.sleep(TALK)


async def blonde(act: Act, phone: Phone) -> None:
    await phone.hush()
    await phone.press("*2")
    await asyncio.sleep(KEYS_HEARD)
    await phone.press(PAYMENTS)
    phone.hang_up()
    await act.with_officer()


async def consult_and_back(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    if await act.with_officer():
        act.officers[0].hang_up()
    await asyncio.sleep(2 * TALK)  # with the caller again


async def swap(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    for _ in range(2):
        await phone.hush()
        await phone.press("*4")
        await phone.speak(AGENT)
        await asyncio.sleep(TALK)


async def three_way(act: Act, phone: Phone) -> None:
    await _by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    await phone.hush()
    await phone.press("*3")
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


async def second_officer(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip(PAYMENTS))
    if await act.with_officer():
        await act.officers[0].refer(act.sip("8002"))
        await asyncio.sleep(2 * TALK)


async def back_to_housing(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip(PAYMENTS))
    if await act.with_officer():
        await act.officers[0].refer(act.sip(HOUSING_EXTENSION))
        await asyncio.sleep(4 * TALK)


async def overflow(act: Act, phone: Phone) -> None:
    """Of a caller who chose Welsh: nobody takes the call in the officers' Welsh queue."""
    await phone.refer(act.sip(PAYMENTS))
    await act.with_officer()


@asynccontextmanager
async def _mixed(room: str, *lines: Phone) -> AsyncIterator[None]:
    """The lines of a phone hear each other; then it hangs up."""
    mixing = [asyncio.create_task(each.mix(room)) for each in lines]
    yield
    for each in lines:
        await each.hang_up_at_once()
    await asyncio.gather(*mixing, return_exceptions=True)


async def replaces_from_line_2(act: Act, phone: Phone) -> None:
    async def consults(second: Phone) -> None:
        await second.speak(AGENT)
        await act.with_officer()
        await phone.refer(f"{act.sip(PAYMENTS)}?Replaces={quote(await second.replaces(), safe='')}")
        await asyncio.sleep(2 * TALK)

    await act.line(PAYMENTS, consults, act.agent)


async def mixed_in_the_phone(act: Act, phone: Phone) -> None:
    async def consults(second: Phone) -> None:
        await second.speak(AGENT)
        await act.with_officer()
        async with _mixed(act.agent, phone, second):
            await asyncio.sleep(2 * TALK)

    await phone.hush()
    await act.line(PAYMENTS, consults, act.agent)


async def mixed_in_the_other_order(stage: Stage, _: str) -> Act:
    """Who speaks with an officer already, on another account of the phone, is called by somebody at Assist."""
    act = stage.act(ASSIST, LINE_2)
    lines: list[Phone] = []

    async def pays(second: Phone) -> None:
        lines.append(second)
        await second.speak(AGENT)
        await act.over.wait()

    async def mixes(_: Act, phone: Phone) -> None:
        async with _mixed(act.agent, phone, *lines):
            await asyncio.sleep(2 * TALK)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(act.line(PAYMENTS, pays, LINE_2))
        await act.with_officer()
        await stage.call(act, mixes, ASSIST)
    return act


async def officer_rings_the_agent(act: Act, phone: Phone) -> None:
    """While the agent speaks with the caller; the agent's phone mixes the two."""

    async def mixes(second: Phone) -> None:
        await second.answer()
        await second.speak(AGENT)
        async with _mixed(act.agent, phone, second):
            await act.over.wait()

    async def rings(officer: Phone) -> None:
        await officer.speak(OFFICER)
        act.connected.set()
        await asyncio.sleep(2 * TALK)
        act.over.set()

    await phone.hush()
    act.centre.world.desk(act.agent, mixes)
    await act.line(act.agent, rings, WHO_CALL[0])


async def _is_told(phone: Phone, yes: str, no: str) -> bool:
    """Wait until one of two prompts is heard; was it the first?"""
    while True:
        said = {each.prompt for each in heard(phone.heard, SOUNDS)} if phone.heard.exists() else set()
        if said & {yes, no}:
            return yes in said
        await phone.stay(0.5)


async def sealed_by_key(act: Act, phone: Phone) -> None:
    """The agent takes the card details; nobody is transferred."""
    await phone.hush()
    await phone.press("*55")
    if await _is_told(phone, "payment-sealed", "payment-not-sealed"):
        act.connected.set()
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


async def sealed_on_line_2(act: Act, phone: Phone) -> None:
    """The same, by the key of the light, while the caller waits on the first line."""

    async def light(second: Phone) -> None:
        if await _is_told(second, "payment-sealed", "payment-not-sealed"):
            act.connected.set()

    await phone.hush()
    await act.line(f"*55{act.agent}", light, act.agent)
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


# --- where nobody is rung --------------------------------------------------------------------------------------------


async def _officer_dials(act: Act, via: str, number: str, *, meets: bool = True) -> None:
    """Until all is over. Once they are in a bridge an officer is on the line, if they `meet` somebody there."""

    async def speaks(officer: Phone) -> None:
        await officer.speak(OFFICER)
        await act.channel(f"PJSIP/{via}-", bridged=True)
        if meets:
            act.connected.set()
        await act.over.wait()

    await act.line(number, speaks, via)


async def _while_officer_dials(
    act: Act, via: str, number: str, then: Callable[[], Awaitable[None]], *, meets: bool = True
) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_officer_dials(act, via, number, meets=meets))
        await then()
        act.over.set()


async def park_and_fetch(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip("*71"))

    async def listens() -> None:
        await act.with_officer()
        await asyncio.sleep(TALK)

    await _while_officer_dials(act, WHO_CALL[1], "*71", listens)


async def conference_officer_first(act: Act, phone: Phone) -> None:
    """Then the agent consults the room, and the caller is brought in."""

    async def consults() -> None:
        await act.channel(f"PJSIP/{WHO_CALL[2]}-", bridged=True)
        await _by_code(phone, "*2", "*61")
        await act.channel("Local/*61@", bridged=True)
        act.connected.set()
        await act.with_officer()
        phone.hang_up()
        await asyncio.sleep(2 * TALK)

    await _while_officer_dials(act, WHO_CALL[2], "*61", consults, meets=False)


async def _mixes_with(act: Act, phone: Phone, room: str) -> None:
    """The agent joins a room on another line, and mixes it with that of the caller."""

    async def mixes(second: Phone) -> None:
        await second.speak(AGENT)
        async with _mixed(act.agent, phone, second):
            await act.with_officer()
            await asyncio.sleep(TALK)

    await phone.hush()
    await act.line(room, mixes, act.agent)


async def conference_officer_first_mixed(act: Act, phone: Phone) -> None:
    async def both() -> None:
        await act.channel(f"PJSIP/{act.agent}-", bridged=True, doing="ConfBridge")
        act.connected.set()

    async def joins() -> None:
        await act.channel(f"PJSIP/{WHO_CALL[3]}-", bridged=True)
        await asyncio.gather(both(), _mixes_with(act, phone, "*62"))

    await _while_officer_dials(act, WHO_CALL[3], "*62", joins, meets=False)


async def conference_officer_last(act: Act, phone: Phone) -> None:
    async def officer() -> None:
        await act.channel(f"PJSIP/{act.agent}-", bridged=True, doing="ConfBridge")
        await asyncio.sleep(TALK)
        await _officer_dials(act, WHO_CALL[4], "*63")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(officer())
        await _mixes_with(act, phone, "*63")
        act.over.set()


async def conference_at_once(act: Act, phone: Phone) -> None:
    await _while_officer_dials(act, WHO_CALL[5], "*64", lambda: _mixes_with(act, phone, "*64"))


async def conference_caller_brought(act: Act, phone: Phone) -> None:
    """The caller waits for a phone; the agent is in the room, and the officer comes last."""

    async def waits(_: Phone) -> None:
        await act.with_officer()
        await asyncio.sleep(TALK)

    async def both() -> None:
        await phone.refer(act.sip("*65"))
        await act.line("*65", waits, act.agent)

    await _while_officer_dials(act, WHO_CALL[6], "*65", both)


# --- forwarding (302), which leads nowhere ---------------------------------------------------------------------------


async def forwarded(act: Act, phone: Phone) -> None:
    """The caller comes back to somebody of the line where they were."""

    async def forwards(colleague: Phone) -> None:
        await colleague.refer(act.sip(PAYMENTS))

    act.centre.world.desk(COLLEAGUE, forwards)
    await phone.refer(act.sip(COLLEAGUE))
    await asyncio.sleep(4 * TALK)


async def nothing(_: Act, __: Phone) -> None:
    """Only speak with the caller."""
    await asyncio.sleep(TALK)


# --- what other programs do ------------------------------------------------------------------------------------------


def by_manager(action: str, **fields: str) -> Way:
    """A transfer that another program makes through the manager port. `{agent}` and `{caller}` are the channels."""

    async def way(act: Act, phone: Phone) -> None:
        agent = await act.channel(f"PJSIP/{act.agent}-")
        channels = {"agent": agent["Channel"], "caller": await act.caller_of(act.agent)}
        await act.manage(action, {key: value.format(**channels) for key, value in fields.items()})
        await act.with_officer()
        phone.hang_up()
        await asyncio.sleep(TALK)

    way.__name__ = f"manager_{action.lower()}_{'_'.join(fields.get('Channel', '').strip('{}').split())}"
    return way


# --- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """How a call comes to an officer. `play` gets a number of Housing's that is the caller's own."""

    name: str
    play: Callable[[Stage, str], Coroutine[Any, Any, Act]]
    recorded: bool = True  # until the officer comes
    connects: bool = True


def _taken(way: Way, keys: str = "20") -> Route:
    return Route(way.__name__, lambda stage, number: stage.play(way, number, keys))


ROUTES = (
    Route("menu_choice", lambda stage, _: stage.arrive(GENERAL_NUMBER, "26"), recorded=False),
    Route("payments_number", lambda stage, _: stage.arrive(PAYMENTS_NUMBER, "2"), recorded=False),
    _taken(blind_refer),
    _taken(blind_code),
    _taken(by_manager("BlindTransfer", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer")),
    _taken(attended_code),
    _taken(by_manager("Atxfer", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer")),
    _taken(blonde),
    _taken(consult_and_back),
    _taken(swap),
    _taken(three_way),
    _taken(replaces_from_line_2),
    _taken(mixed_in_the_phone),
    Route("mixed_in_the_other_order", mixed_in_the_other_order, recorded=False),
    _taken(officer_rings_the_agent),
    _taken(officers_extension),
    _taken(overflow, keys="10"),
    _taken(park_and_fetch),
    _taken(conference_officer_first),
    _taken(conference_officer_first_mixed),
    _taken(conference_officer_last),
    _taken(conference_at_once),
    _taken(conference_caller_brought),
    _taken(second_officer),
    _taken(back_to_housing),
    _taken(by_manager("Redirect", Channel="{caller}", Exten=PAYMENTS, Context="cc-transfer", Priority="1")),
    _taken(by_manager("Redirect", Channel="{agent}", Exten=PAYMENTS, Context="cc-transfer", Priority="1")),
    Route("forwarded_by_a_colleague", lambda stage, number: stage.play(forwarded, number), connects=False),
    Route(
        "forwarded_by_a_member", lambda stage, number: stage.play(nothing, number, forwards=PAYMENTS), connects=False
    ),
    _taken(sealed_by_key),
    _taken(sealed_on_line_2),
)
