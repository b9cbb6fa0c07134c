"""What agents, officers and callers usually do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.lab.phones import AGENT, CALLER, CALLER_AFTER, Phone, Script

PAYMENTS = "8000"


def talks(hertz: int = AGENT) -> Script:
    """Answer, speak, and stay until the other side hangs up."""

    async def script(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(hertz)
        await phone.wait_until_gone()

    return script


def lets_it_ring() -> Script:
    """Ring until the caller is taken away."""

    async def script(phone: Phone) -> None:
        await phone.wait_until_gone()

    return script


def transfers(to: str, after: float, then: Callable[[], None] = lambda: None) -> Script:
    """Answer, speak for a while, transfer blindly by REFER."""

    async def script(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(AGENT)
        await asyncio.sleep(after)  # speech takes its time
        await phone.refer(to)
        then()
        await phone.wait_until_gone()

    return script


def presses(*keys: str, every: float = 0.8, then: Script | None = None) -> Script:
    """Press one key after the other, each into the prompt that is being said; then speak, and do what `then` says."""

    async def script(phone: Phone) -> None:
        for key in keys:
            await asyncio.sleep(every)  # after a key, until the next voice
            await phone.until_spoken_to()
            await phone.press(key)
        await phone.speak(CALLER)
        await (then or _stays)(phone)

    return script


async def _stays(phone: Phone) -> None:
    await phone.wait_until_gone()


def changes_voice_at(transferred: asyncio.Event, stays: float) -> Script:
    """Speak higher from the transfer on, stay a little, hang up."""

    async def script(phone: Phone) -> None:
        await transferred.wait()
        await phone.speak(CALLER_AFTER)
        await asyncio.sleep(stays)

    return script


def stays(seconds: float) -> Script:
    async def script(phone: Phone) -> None:
        await phone.stay(seconds)

    return script
