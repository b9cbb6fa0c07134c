"""Many calls at once, with supervisors who change modes at random while agents transfer at random."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccdaemon.places import LENT
from ccdaemon.voices import RECORDED
from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import AGENT, CALLER, Phone, Script
from tests.lab.scripts import presses, stays
from tests.lab.site import queues
from tests.lab.supervisors import CAREFUL, LISTENER, PIN, SUPERVISOR, a_supervisor, supervisors
from tests.lab.ways import HOUSING

SEED = 20261126
TRANSFERRED = 0.3  # of the times that an agent has spoken for a while
SPEAKS = (4.0, 20.0)  # seconds
REGISTERED = 10.0  # seconds until the register has what happened
FOREVER = 3600.0  # seconds
OVER = 90.0  # seconds for the last calls
KEYS = "456456456*"
KEEPER, KNOWN = "1010", 0.5  # who may rule lines; how often somebody there knows the PIN
HANDSETS = ("1007", "1008", CAREFUL, LISTENER, KEEPER)  # two of them of nobody who may
AT_ONCE = 10
SCORED = 12.0  # seconds of a call that may be scored
APART = 0.1  # seconds between two callers, as a carrier brings them
ENDS = 150.0  # seconds in which a conversation at a handset does: recording silence five times takes long


@dataclass
class Watched:
    """What was seen: calls, those who were cut off, changes of supervisors, and rows about them by what they did."""

    calls: int = 0
    harmed: int = 0
    pressed: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        did = ", ".join(f"{name} {count}" for name, count in sorted(self.rows.items()))
        return f"{self.calls} calls, {self.harmed} harmed; {self.pressed} keys of supervisors; written down: {did}"


async def watched(folder: Path, calls: int, spying: int, seconds: float) -> Watched:
    """Raises `AssertionError` for a call that was harmed, a channel that is left, or an audit that is not whole."""
    chance, seen = random.Random(SEED), Watched()
    agents = [str(1201 + number) for number in range(calls + calls // 4)]
    handsets = [str(1401 + number) for number in range(spying)]
    tables = "".join(a_supervisor(f"super-{each}", each) for each in handsets)
    async with contact_centre(
        folder,
        level="info",
        more_phones=[*agents, *handsets],
        asterisk={"queues.conf": queues(housing=agents, housing_cy=agents)},
        changes={"\n[phones]\n": f"\n{tables}[phones]\n"},
    ) as it:
        over = asyncio.Event()
        it.world.desk("*", _agent(it, chance, over))
        async with asyncio.TaskGroup() as going:
            for number in range(calls):
                script = presses("2", "0", then=_caller(seen, over))
                going.create_task(it.world.call(HOUSING, script, caller=f"07700{number:06d}"))
                await asyncio.sleep(APART)
            await it.until(f'it["bridged"] >= {calls}', OVER)
            spies = [
                going.create_task(_keeps_watching(it, each, _supervisor(seen, chance, over), over)) for each in handsets
            ]
            await asyncio.sleep(seconds)
            over.set()
            await asyncio.wait(spies)
        seen.calls = calls
        await it.until('it["live"] == [] and it["recorders"] == 0', OVER)
        assert await it.channels() == []
        await it.until('all(row["ended"] for row in it)', REGISTERED, "calls", since=0, until=1e12)
        await _audit(it, seen)
    assert not seen.harmed, str(seen)
    return seen


def _agent(it: Centre, chance: random.Random, over: asyncio.Event) -> Script:
    async def script(phone: Phone) -> None:
        await phone.answer()
        await phone.speak(AGENT)
        await _until(over, chance.uniform(*SPEAKS), phone)
        if not over.is_set() and not phone.gone.is_set() and chance.random() < TRANSFERRED:
            await phone.refer(f"sip:6111@{it.site.addresses.pbx}:5060")
            return
        await phone.wait_until_gone()

    return script


def _caller(seen: Watched, over: asyncio.Event) -> Script:
    """Speaks until it is over; who is gone before has been harmed."""

    async def script(phone: Phone) -> None:
        await phone.speak(CALLER)
        await _until(over, FOREVER, phone)
        seen.harmed += not over.is_set()

    return script


def _supervisor(seen: Watched, chance: random.Random, over: asyncio.Event) -> Script:
    async def script(phone: Phone) -> None:
        await phone.until_spoken_to()
        await phone.press(f"{PIN}#")
        await phone.speak(SUPERVISOR)
        while not over.is_set():
            await _until(over, chance.uniform(0.5, 3), phone)
            await phone.press(chance.choice(KEYS))
            seen.pressed += 1

    return script


async def _keeps_watching(it: Centre, handset: str, script: Script, over: asyncio.Event) -> None:
    """Dials again whenever the call that was heard is over."""
    while not over.is_set():
        await it.world.call("*90", script, via=handset, caller="")


async def _until(over: asyncio.Event, seconds: float, phone: Phone) -> None:
    """Until it is over, or the phone has gone, or so long."""
    waits = [asyncio.ensure_future(each) for each in (over.wait(), phone.wait_until_gone())]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()


async def _audit(it: Centre, seen: Watched) -> None:
    """Whoever joined a call has left it, or was thrown off, and nobody left whom they had not joined."""
    rows: list[dict[str, Any]] = []
    for call in await it.calls():
        told = await it.ask("call", call=call["id"])
        rows += [moment for moment in told["timeline"] if moment["kind"] == "supervision"]
    hears: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda row: float(row["at"])):
        did, pair = row["detail"]["did"], (row["leg"], row["detail"]["agent"])
        seen.rows[did] = seen.rows.get(did, 0) + 1
        match did:
            case "joined":
                assert pair not in hears, f"{pair} joined twice"
                hears.add(pair)
            case "left" | "thrown off":
                assert pair in hears, f"{pair} left without having joined"
                hears.remove(pair)
            case "changed":
                assert pair in hears, f"{pair} changed without having joined"
    assert not hears, f"still there, as far as is written down: {hears}"


async def pressed_at_random(folder: Path, sequences: int) -> str:
    """Any code, then any keys: raises `AssertionError` for a channel that is left, or who heard a call without a PIN.

    Who may rule lines, record prompts and score presses theirs first, half the time: a line is in a state that is known
    then, and of the recording that there is nothing lies open.
    """
    chance, over = random.Random(SEED), asyncio.Event()

    def presses_anything(keys: str) -> Script:
        async def script(phone: Phone) -> None:
            await phone.press(keys)
            await phone.wait_until_gone()

        return script

    keeper = a_supervisor("keeper", KEEPER, '["lines", "prompts", "score"]')
    changes = {heading: text.replace("[phones]", f"{keeper}[phones]") for heading, text in supervisors().items()}
    changes["shortest = 30 "] = "shortest = 2 "
    async with contact_centre(folder, level="info", changes=changes, own_sounds=True) as it:
        it.world.desk("*", _agent(it, chance, over))
        await it.world.call(HOUSING, presses("2", "0", then=stays(SCORED)))
        await it.until("len(it) >= 1", OVER, "recordings", since=0.0, until=1e12, service=None, limit=10)
        async with asyncio.TaskGroup() as going:
            going.create_task(it.world.call(HOUSING, presses("2", "0", then=_caller(Watched(), over))))
            await it.until('it["bridged"] >= 2', OVER)
            for _ in range(0, sequences, AT_ONCE):
                async with asyncio.TaskGroup() as several:
                    for _ in range(AT_ONCE):
                        keys = "".join(chance.choices("0123456789*#", k=chance.randint(1, 12)))
                        code = chance.choice(
                            ["*90", "*901001", "*91", "*92", "*28", "*286111", "*29", "*293001", "*95"]
                        )
                        via = chance.choice(HANDSETS)
                        if via == KEEPER and chance.random() < KNOWN:
                            keys = f"{PIN}#{keys}"
                        call = it.world.call(code, presses_anything(keys), caller="", via=via)
                        several.create_task(asyncio.wait_for(call, ENDS))
            over.set()
        await it.until('it["live"] == []', OVER)
        assert await it.channels() == []
        seen = Watched()
        await _audit(it, seen)
        assert "joined" not in seen.rows, str(seen)
        assert (await it.ask("status"))["topics"]["services/housing"]["state"] in {"open", "closed"}
        assert not [*(it.site.folder / "run" / LENT).iterdir()]
        assert not [*(it.site.folder / "state" / RECORDED).rglob("*.wav")]  # nobody spoke
    return f"{sequences} sequences of keys at handsets: each ended, and nobody was let in"
