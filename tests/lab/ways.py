"""The ways in which a call reaches a payments officer, as callers, agents and officers take them.

A sleep is how long people talk, so that a recording could hold it; what must have happened is waited for by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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
KEYS_HEARD = 2.0  # seconds after a feature code: Asterisk says "transfer" for 1, and then listens for 3


# --- what agents do --------------------------------------------------------------------------------------------------


async def by_code(phone: Phone, code: str, number: str) -> None:
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
    await by_code(phone, "#1", PAYMENTS)
    await act.with_officer()


async def officers_extension(act: Act, phone: Phone) -> None:
    await phone.refer(act.sip("8001"))
    await act.with_officer()


async def attended_code(act: Act, phone: Phone) -> None:
    await by_code(phone, "*2", PAYMENTS)
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
    await by_code(phone, "*2", PAYMENTS)
    if await act.with_officer():
        act.officers[0].hang_up()
    await asyncio.sleep(2 * TALK)  # with the caller again


async def swap(act: Act, phone: Phone) -> None:
    await by_code(phone, "*2", PAYMENTS)
    await act.with_officer()
    for _ in range(2):
        await phone.hush()
        await phone.press("*4")
        await phone.speak(AGENT)
        await asyncio.sleep(TALK)


async def three_way(act: Act, phone: Phone) -> None:
    await by_code(phone, "*2", PAYMENTS)
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
async def mixed(room: str, *lines: Phone) -> AsyncIterator[None]:
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
        async with mixed(act.agent, phone, second):
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
        async with mixed(act.agent, phone, *lines):
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
        async with mixed(act.agent, phone, second):
            await act.over.wait()

    async def rings(officer: Phone) -> None:
        await officer.speak(OFFICER)
        act.connected.set()
        await asyncio.sleep(2 * TALK)
        act.over.set()

    await phone.hush()
    act.centre.world.desk(act.agent, mixes)
    await act.line(act.agent, rings, WHO_CALL[0])


async def _is_told(act: Act, phone: Phone) -> bool:
    """Does the agent hear that the call is sealed? Or not so, or nothing in time."""
    yes, no = "payment-sealed", "payment-not-sealed"
    for _ in range(round(2 * act.patience)):
        heard_yet = await asyncio.to_thread(heard, phone.heard, SOUNDS) if phone.heard.exists() else []
        said = {each.prompt for each in heard_yet}
        if said & {yes, no}:
            return yes in said
        await phone.stay(0.5)
    return False


async def sealed_by_key(act: Act, phone: Phone) -> None:
    """The agent takes the card details; nobody is transferred."""
    await phone.hush()
    await phone.press("*55")
    if await _is_told(act, phone):
        act.connected.set()
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


async def sealed_on_line_2(act: Act, phone: Phone) -> None:
    """The same, by the key of the light, while the caller waits on the first line."""

    async def light(second: Phone) -> None:
        if await _is_told(act, second):
            act.connected.set()

    await phone.hush()
    await act.line(f"*55{act.agent}", light, act.agent)
    await phone.speak(AGENT)
    await asyncio.sleep(2 * TALK)


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
