"""Agents of a laboratory's site who log in at their handsets, and what they do there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from ccdaemon.rules.agents import interface
from tests.lab.centre import SOUNDS, Centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone

LONGER, UNANSWERED = 20, 2  # seconds of *47; calls that may ring
AGAIN = 0.1  # seconds between two looks at Asterisk's queues, which tell nobody when they are as wanted


def agents(tables: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Changes to a site's files: who logs in, for which services, in Welsh too."""
    written = "".join(
        f'[agents.{extension}]\nservices = {[*services]}\nlanguages = ["cy"]\n\n'
        for extension, services in tables.items()
    )
    return {
        "\n[pauses]\n": f"\n{written}[pauses]\n",
        "wrap_up = 300 ": f"wrap_up = {LONGER} ",
        "unanswered = 3 ": f"unanswered = {UNANSWERED} ",
    }


async def dials(centre: Centre, handset: str, code: str, keys: str = "") -> list[str]:
    """A code from a handset, and keys into what is asked; the prompts that were heard, in their order."""
    phones: list[Phone] = []

    async def script(phone: Phone) -> None:
        phones.append(phone)
        if keys:
            await phone.until_spoken_to()
            await phone.press(keys)
        await phone.wait_until_gone()

    async with asyncio.timeout(60):
        await centre.world.call(code, script, via=handset, caller="")
    capture = await phones[0].whole()
    return [each.prompt for each in await asyncio.to_thread(heard, capture, SOUNDS)]


async def logs_in(centre: Centre, extension: str) -> None:
    """Whatever was before: paused no more, and with no call behind them."""
    if await places(centre, extension):
        await dials(centre, extension, "*45")
    assert (await dials(centre, extension, "*45"))[0] == "agent-logged-in"


async def places(centre: Centre, extension: str) -> dict[str, str]:
    """In which queues a phone is, by Asterisk's own word, and why it is paused there: `-` if it is not."""
    async with centre.manager() as ami:
        listed = await ami.listing("QueueStatus", {"Member": interface(extension)})
    return {
        each["Queue"]: each["PausedReason"] if each["Paused"] == "1" else "-"
        for each in listed
        if each["Event"] == "QueueMember"
    }


async def until_places(centre: Centre, extension: str, wanted: Mapping[str, str], within: float) -> None:
    deadline = asyncio.get_running_loop().time() + within
    while (there := await places(centre, extension)) != wanted:
        assert asyncio.get_running_loop().time() < deadline, f"not within {within} s: {wanted}; it is {there}"
        await asyncio.sleep(AGAIN)
