"""How long a supervisor waits: from the code to the first word, and from a key to the agent's ear.

Beside it, round by round in the same calls, bare dialplan: an extension that plays the same prompt, and ChanSpy with
its own keys (option d). Both are measured alike, at real phones: until 100 ms of sound were heard.
"""

from __future__ import annotations

import asyncio
import statistics
from contextlib import AbstractAsyncContextManager

from tests.bench.ratios import ratio
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.phones import Phone
from tests.lab.scripts import presses
from tests.lab.site import ROOT, SAMPLES, queues
from tests.lab.supervisors import CAREFUL, PIN, SUPERVISOR, supervisors
from tests.lab.ways import HOUSING

FOLDER = ROOT / ".run" / "bench-handsets"
ROUNDS, KEYS = 5, 8  # calls of a supervisor by each way, keys in each of them
SILENCE = 0  # Hz
QUIET = 0.6  # seconds after which the agent hears nothing more
LET_IN = 3.0  # seconds from the PIN to the call, at most
OURS, THEIRS = "*90", "*80"
BARE = """
[cc-internal](+)
exten => *80,1,Answer()
 same => n,Playback({sounds}/cy/cc/pin)
 same => n,ChanSpy(PJSIP/1001,qdES)
 same => n,Hangup()
"""


async def main(rounds: int) -> int:
    waits: dict[str, list[float]] = {name: [] for name in (OURS, THEIRS)}
    changes: dict[str, list[float]] = {name: [] for name in (OURS, THEIRS)}
    async with _centre() as it:
        agents: asyncio.Queue[Phone] = asyncio.Queue()
        over = asyncio.Event()

        async def agent(phone: Phone) -> None:
            await phone.answer()
            agents.put_nowait(phone)
            await over.wait()

        async def caller(phone: Phone) -> None:
            await phone.speak(SILENCE)  # a whisper goes along with what the caller sends, even that
            await over.wait()

        it.world.desk("1001", agent)
        async with asyncio.TaskGroup() as going:
            going.create_task(it.world.call(HOUSING, presses("2", "0", then=caller)))
            hears = await agents.get()
            await it.until('it["bridged"] >= 2', 20)
            for _ in range(rounds or ROUNDS):
                for code in (OURS, THEIRS):
                    await _supervises(it, code, hears, waits[code], changes[code])
            over.set()
    print("milliseconds, median and 99th percentile, and the ratio to bare dialplan")
    for what, taken in (("code to first word", waits), ("key to the agent's ear", changes)):
        for code, each in taken.items():
            name = "ccdaemon" if code == OURS else "bare dialplan"
            late = sorted(each)[int(0.99 * len(each))]
            print(
                f"  {what:<23} {name:<13} {1000 * statistics.median(each):6.0f} {1000 * late:6.0f}  "
                f"{ratio(each, taken[THEIRS])}  ({len(each)} times)"
            )
    return 0


def _centre() -> AbstractAsyncContextManager[Centre]:
    bare = BARE.format(sounds=SOUNDS)
    files = {
        "queues.conf": queues(housing=["1001"], housing_cy=["1001"]),
        "extensions.conf": (SAMPLES / "extensions.conf").read_text() + bare,
    }
    return contact_centre(FOLDER, level="info", asterisk=files, changes=supervisors())


async def _supervises(it: Centre, code: str, hears: Phone, waits: list[float], changes: list[float]) -> None:
    """One call of a supervisor, who is silent to the agent until they press `5`."""
    clock = asyncio.get_running_loop().time

    async def script(phone: Phone) -> None:
        await phone.until_spoken_to()
        waits.append(clock() - dialled)
        if code == OURS:
            await phone.press(f"{PIN}#")
        await phone.stay(LET_IN)
        await phone.speak(SUPERVISOR)
        for _ in range(KEYS):
            listening = asyncio.create_task(hears.until_spoken_to())
            await asyncio.sleep(QUIET)
            pressed = clock()
            await phone.key("5")
            await listening
            changes.append(clock() - pressed)
            await phone.key("4")
            await asyncio.sleep(QUIET)

    dialled = clock()
    await it.world.call(code, script, via=CAREFUL, caller="")
