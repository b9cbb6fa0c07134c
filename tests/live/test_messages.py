"""Messages after hours on a real Asterisk: left in tones, sealed, brought to agents, heard, done, and never lost.

A caller speaks at 440 Hz; an agent who hears the message hears that tone, frame by frame.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest_asyncio

from ccdaemon.places import LENT, REGISTER
from tests.lab.archive import finished, voices
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import CALLER, Phone
from tests.lab.scripts import lets_it_ring, presses, talks
from tests.lab.site import queues
from tests.lab.tones import RIGHT, find, read_capture
from tests.live.conftest import RUN
from tests.live.test_callers import Listener
from tests.live.test_operating import ccdaemon

ENVIRONMENTAL = "01632960102"
SPEAKER, OTHER = "1006", "1005"  # who speaks Welsh, and who does not
SPOKEN = 3.0  # seconds
NOTICE = 60.0  # seconds, in which all of it is said
DEADLINE = 60.0
NUMBER = "07700900881"


@pytest_asyncio.fixture(loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """Environmental is closed; what no agent has done is brought again after two seconds."""
    changes = {"again = 900 ": "again = 2 "}
    conf = {"queues.conf": queues(environmental=[OTHER, SPEAKER], environmental_cy=[SPEAKER])}
    async with contact_centre(RUN / "messages", ["environmental"], asterisk=conf, changes=changes) as centre:
        yield centre


async def until_recorded(centre: Centre) -> None:
    """Until the caller has heard the notice, and the tone."""
    async with asyncio.timeout(NOTICE):
        while not any(each["Application"] == "Record" for each in await centre.channels()):
            await asyncio.sleep(0.2)


def speaks(centre: Centre, seconds: float = SPOKEN, then: str = "#") -> Callable[[Phone], Any]:
    """Waits for the end of the notice, speaks a while, presses what ends it, and hangs up after what follows."""

    async def script(phone: Phone) -> None:
        await phone.hush()
        await until_recorded(centre)
        await phone.speak(CALLER)
        await asyncio.sleep(seconds)
        await phone.hush()
        if then:
            await phone.press(then)
            await asyncio.sleep(1.0)

    return script


async def leave(centre: Centre, then: str = "#") -> None:
    """A caller leaves a message in Welsh."""
    async with asyncio.timeout(NOTICE + DEADLINE):
        script = presses("1", "2", then=speaks(centre, then=then))
        await centre.world.call(ENVIRONMENTAL, script, caller=NUMBER)


async def messages(centre: Centre, claim: str, within: float = DEADLINE) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = await centre.until(
        claim, within, "messages", since=0.0, until=1e12, service=None, limit=100
    )
    return told


async def opens(centre: Centre) -> None:
    status, said = await ccdaemon(centre, "open", "environmental", "--outside-hours")
    assert status == 0, said


def lent(centre: Centre) -> list[Path]:
    return [*(centre.site.folder / "run" / LENT).iterdir()]


def plain(centre: Centre) -> list[str]:
    """Files anywhere in the site that are audio, and open."""
    site, found = centre.site.folder, list[str]()
    for folder in ("spool", "state", "run"):
        for file in (site / folder).rglob("*"):
            if file.is_file() and file.suffix in {".sln", ".raw", ".wav", ".flac", ".alaw", ".new"}:
                found += [str(file)] if file.stat().st_size else []
    return found


def said(capture: Path) -> list[str]:
    """Prompts, as `cy/message-keys`; none, as long as Asterisk has written nothing of them."""
    return [f"{each.language}/{each.prompt}" for each in heard(capture, SOUNDS)] if capture.exists() else []


def hears(*keys: str, wait: float = 2.0, then: Callable[[Phone], Any] | None = None) -> tuple[Any, list[Phone]]:
    """An agent who answers, listens until the message is over, and presses these keys."""
    phones: list[Phone] = []

    async def script(phone: Phone) -> None:
        phones.append(phone)
        await phone.answer()
        if then is not None:
            await then(phone)
            return
        async with asyncio.timeout(DEADLINE):
            while not any(each.endswith("/message-keys") for each in said(phone.heard)):
                await asyncio.sleep(0.2)
        for key in keys:
            await phone.press(key)
            await asyncio.sleep(wait)
        if keys:
            await phone.wait_until_gone()

    return script, phones


async def test_a_message_is_left_in_welsh_sealed_brought_to_who_speaks_it_and_done(centre: Centre) -> None:
    await leave(centre)
    (task,) = await messages(centre, "len(it) == 1")
    assert (task["service"], task["language"], task["done"]) == ("environmental", "cy", None)
    assert SPOKEN - 1 < task["seconds"] < SPOKEN + 4
    assert [*centre.site.recordings.iterdir()] == []
    assert len(finished(centre.site)) == 1
    assert plain(centre) == []
    tone = find((await asyncio.to_thread(voices, centre.site, task))[RIGHT], CALLER)
    assert SPOKEN - 0.5 < tone.seconds < SPOKEN + 0.5
    with closing(sqlite3.connect(centre.site.folder / "state" / REGISTER)) as database:
        (row,) = database.execute("SELECT class, period FROM recordings").fetchall()
    assert row[0] == "message"
    assert row[1].startswith("message-")

    script, phones = hears("4", "2", wait=16.0)
    centre.world.desk(SPEAKER, script)
    centre.world.desk(OTHER, talks())  # who is not asked, as long as a speaker is free
    await asyncio.sleep(4)
    assert phones == []  # it is closed still
    await opens(centre)
    (task,) = await messages(centre, 'it[0]["done"]')
    assert task["doer"] == SPEAKER
    (phone,) = phones
    await asyncio.wait_for(phone.gone.wait(), DEADLINE)
    assert phone.shown == NUMBER
    capture = await phone.whole()
    heard_tone = np.array(find(read_capture(capture), CALLER).clean)
    together = np.searchsorted(heard_tone, heard_tone + tone.pure) - np.arange(len(heard_tone))
    assert max(together) > tone.pure - 5  # all of it at a stretch; a voice that tells the time has such frames too
    assert len(heard_tone) < 2 * tone.pure  # and once
    wanted = {"cy/message-for-you", "cy/message-left-today", "cy/message-number", "cy/message-done"}
    assert wanted <= {*said(capture)}
    await centre.until('it["live"] == []', DEADLINE)
    assert lent(centre) == []
    assert len(finished(centre.site)) == 1  # nothing recorded the agent
    audit = audited(centre)
    assert [(kind, detail.get("did")) for kind, detail in audit if kind in {"access", "message"}] == [
        ("access", None),  # this test's
        ("access", "bring"),
        ("message", "heard"),
        ("message", "done"),
    ]
    assert NUMBER[1:] not in centre.daemon.log.read_text()


def audited(centre: Centre) -> list[tuple[str, dict[str, Any]]]:
    with closing(sqlite3.connect(centre.site.folder / "state" / REGISTER)) as database:
        rows = database.execute("SELECT kind, detail FROM audit ORDER BY seq").fetchall()
    return [(kind, json.loads(detail)) for kind, detail in rows]


async def test_an_agent_who_hangs_up_is_brought_it_again_and_what_rings_gives_way_to_callers(centre: Centre) -> None:
    await leave(centre, then="")  # who hangs up has left it too
    await messages(centre, "len(it) == 1")
    centre.world.desk("*", lets_it_ring())
    await opens(centre)
    await messages(centre, 'it[0]["tries"] == 1')
    caller = Listener(centre, ENVIRONMENTAL, "2", "0", caller="07700900882")
    await messages(centre, 'it[0]["tries"] == 0', 20)  # it rings no more, and that was no try
    await centre.until('it["queues"] == {"environmental": 1}', DEADLINE)
    assert not [each for each in await centre.channels() if "cc-deliver" in each["Channel"]]
    script, phones = hears()
    centre.world.desk(SPEAKER, script)
    await caller.hang_up()
    async with asyncio.timeout(DEADLINE):
        while not phones:
            await asyncio.sleep(0.1)
    (again,) = await messages(centre, 'it[0]["tries"] == 2')  # that agent hung up when they had heard it
    assert again["done"] is None
    script, phones = hears("2")
    centre.world.desk(SPEAKER, script)
    await messages(centre, 'it[0]["done"]')
    await centre.until('it["live"] == []', DEADLINE)
    assert lent(centre) == []


async def test_killed_while_a_caller_speaks_the_message_is_there_and_sealed_after_the_start(centre: Centre) -> None:
    async def kills(phone: Phone) -> None:
        await speaks(centre, 1.0, "")(phone)
        centre.daemon.kill(signal.SIGKILL)
        await centre.daemon.wait()
        await phone.speak(CALLER)
        await asyncio.sleep(2)

    async with asyncio.timeout(NOTICE + DEADLINE):
        await centre.world.call(ENVIRONMENTAL, presses("1", "2", then=kills), caller=NUMBER)
    assert len(plain(centre)) == 1
    await centre.restart_daemon()
    (task,) = await messages(centre, "len(it) == 1")
    assert plain(centre) == []
    tone = find((await asyncio.to_thread(voices, centre.site, task))[RIGHT], CALLER)
    assert tone.seconds > 2


async def test_killed_while_an_agent_hears_it_nothing_stays_open_and_it_is_brought_again(centre: Centre) -> None:
    await leave(centre)
    await messages(centre, "len(it) == 1")
    hearing = asyncio.Event()

    async def listens(phone: Phone) -> None:
        hearing.set()
        await phone.wait_until_gone()

    script, _ = hears(then=listens)
    centre.world.desk(SPEAKER, script)
    await opens(centre)
    await asyncio.wait_for(hearing.wait(), DEADLINE)
    (file,) = lent(centre)
    status = file.stat()
    assert status.st_mode & 0o777 == 0o640
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    script, phones = hears("2")
    centre.world.desk(SPEAKER, script)
    await centre.restart_daemon()
    assert lent(centre) == []
    assert phones == []  # the first one is on the line still
    (task,) = await messages(centre, 'it[0]["done"]', 3 * DEADLINE)
    assert task["tries"] == 2
    await centre.until('it["live"] == []', DEADLINE)
    assert lent(centre) == []


async def test_who_says_nothing_and_who_takes_it_back_leave_no_message(centre: Centre) -> None:
    async def silent(phone: Phone) -> None:
        await speaks(centre, 0.0, "")(phone)
        await asyncio.sleep(2)

    async def deletes(phone: Phone) -> None:
        await speaks(centre)(phone)
        await phone.press("4")
        await phone.wait_until_gone()

    async def once_more(phone: Phone) -> None:
        """Records it again, and hangs up in the middle of that: the second one alone counts."""
        await speaks(centre)(phone)
        await phone.press("3")
        await asyncio.sleep(2.0)
        await phone.speak(CALLER)
        await asyncio.sleep(2 * SPOKEN)

    for script in (silent, deletes):
        async with asyncio.timeout(NOTICE + DEADLINE):
            await centre.world.call(ENVIRONMENTAL, presses("1", "2", then=script), caller=NUMBER)
        async with asyncio.timeout(DEADLINE):
            while [*centre.site.recordings.iterdir()]:
                await asyncio.sleep(0.2)
        assert await messages(centre, "it == []") == []
    assert finished(centre.site) == set()
    async with asyncio.timeout(NOTICE + DEADLINE):
        await centre.world.call(ENVIRONMENTAL, presses("1", "2", then=once_more), caller=NUMBER)
    (task,) = await messages(centre, "len(it) == 1")
    assert task["seconds"] > 2 * SPOKEN - 1
    assert plain(centre) == []
    assert len(finished(centre.site)) == 1
