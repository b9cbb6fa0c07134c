"""Ways to an officer on which nobody is rung: a space where the caller is parked, and conference rooms.

Sleeps are lengths of talk, as in `tests.lab.ways`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.lab.phones import AGENT, OFFICER, Phone
from tests.lab.stage import TALK, Act
from tests.lab.ways import WHO_CALL, by_code, mixed


async def _officer_dials(act: Act, via: str, number: str) -> None:
    """Until all is over. Once somebody else is in their bridge an officer is on the line; alone they hear nobody."""

    async def speaks(officer: Phone) -> None:
        await officer.speak(OFFICER)
        if await act.met(f"PJSIP/{via}-"):
            act.connected.set()
        await act.over.wait()

    await act.line(number, speaks, via)


async def _while_officer_dials(act: Act, via: str, number: str, then: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_officer_dials(act, via, number))
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
        await by_code(phone, "*2", "*61")
        await act.with_officer()
        phone.hang_up()
        await asyncio.sleep(2 * TALK)

    await _while_officer_dials(act, WHO_CALL[2], "*61", consults)


async def _mixes_with(act: Act, phone: Phone, room: str) -> None:
    """The agent joins a room on another line, and mixes it with that of the caller."""

    async def mixes(second: Phone) -> None:
        await second.speak(AGENT)
        async with mixed(act.agent, phone, second):
            await act.with_officer()
            await asyncio.sleep(TALK)

    await phone.hush()
    await act.line(room, mixes, act.agent)


async def conference_officer_first_mixed(act: Act, phone: Phone) -> None:
    async def joins() -> None:
        await act.channel(f"PJSIP/{WHO_CALL[3]}-", bridged=True)
        await _mixes_with(act, phone, "*62")

    await _while_officer_dials(act, WHO_CALL[3], "*62", joins)


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
