"""Supervisors of a laboratory's site, and what they do at a handset."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable

from tests.lab.centre import Centre
from tests.lab.phones import Phone

PIN, WRONG_PIN = "482915", "482916"
SUPERVISOR = 1400  # Hz: what they say
CAREFUL, LISTENER = "1005", "1006"  # handsets: of one who may do everything, and of one who may only listen


def cheap_hash(pin: str) -> str:
    """As the site's file has it, and quick to check."""
    salt = bytes(16)
    found = hashlib.scrypt(pin.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)
    return "$".join(["scrypt", "1024", "8", "1", b64encode(salt).decode(), b64encode(found).decode()])


def a_supervisor(
    name: str, handset: str, may: str = '["listen", "whisper", "barge"]', services: str = '["housing"]'
) -> str:
    """The table of a supervisor, of Housing if nothing else is said."""
    return (
        f'[supervisors.{name}]\npin = "{cheap_hash(PIN)}"\nservices = {services}\nmay = {may}\n'
        f'handsets = ["{handset}"]\n\n'
    )


def supervisors() -> dict[str, str]:
    """Changes to a site's files: two supervisors, the second of whom may only listen."""
    tables = a_supervisor("careful", CAREFUL) + a_supervisor("listener", LISTENER, '["listen"]')
    return {"\n[phones]\n": f"\n{tables}[phones]\n"}


async def dials(
    centre: Centre,
    handset: str,
    code: str,
    then: Callable[[Phone], Awaitable[None]],
    pin: str = PIN,
    within: float = 60,
) -> None:
    """A code from a handset, the PIN, and what follows."""

    async def script(phone: Phone) -> None:
        await phone.until_spoken_to()
        await phone.press(f"{pin}#")
        await then(phone)

    async with asyncio.timeout(within):
        await centre.world.call(code, script, via=handset, caller="")
