"""`*28` and `*29` on a real Asterisk: what is spoken at a handset, in tones, is what callers hear, or none of it."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest_asyncio

from ccdaemon.places import REGISTER, TAKES, VOICES
from ccdaemon.voices import RECORDED
from tests.lab.centre import SOUNDS, Centre, contact_centre
from tests.lab.hearing import heard
from tests.lab.phones import Phone
from tests.lab.scripts import presses, talks
from tests.lab.site import queues
from tests.lab.speaking import (
    COLLEAGUE,
    ENGLISH,
    ENGLISH_DESK,
    KEEPER,
    OTHER,
    OTHERS,
    SPOKEN,
    WELSH,
    keepers,
    presses_until,
    records,
    speaks,
    tones,
)
from tests.lab.supervisors import dials
from tests.live.conftest import RUN
from tests.live.test_operating import ccdaemon

HOUSING, GENERAL, HIGHWAYS = "01632960111", "01632960100", "01632960103"
CODE = "*286111"
GREETING, WELCOME = "3001", "7001"
NEARLY = 0.7  # seconds: what is cut off at either end, on a busy machine
FRAMES = 0.06  # seconds: three of them
ANSWERED = 0.4  # seconds from the beginning of a call, of which the phones' capture may lack some


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    async with contact_centre(
        RUN / "line-codes", asterisk={"queues.conf": queues()}, changes=keepers(), own_sounds=True
    ) as centre:
        centre.world.desk("*", talks())
        yield centre


def is_now(centre: Centre, state: str, why: str = "command") -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        topics: dict[str, Any] = (await centre.ask("status"))["topics"]
        return bool(topics["services/housing"] == {"state": state, "why": why})

    return is_so


async def at_handset(
    centre: Centre, handset: str, code: str, then: Callable[[Phone], Awaitable[None]] | None = None
) -> tuple[list[str], Path]:
    """A code, the PIN, and what follows; the prompts that were heard, in their language, and all that was."""
    phones: list[Phone] = []

    async def script(phone: Phone) -> None:
        phones.append(phone)
        if then is not None:
            await then(phone)
        await phone.wait_until_gone()

    async with asyncio.timeout(240):
        await dials(centre, handset, code, script, within=230)
    capture = await phones[0].whole()
    said = [f"{each.language}/{each.prompt}" for each in await asyncio.to_thread(heard, capture, SOUNDS)]
    return said, capture


async def caller(centre: Centre, number: str, *keys: str) -> Path:
    """Calls, presses these, and listens until the call ends, or ten seconds."""
    phones: list[Phone] = []

    async def listens(phone: Phone) -> None:
        phones.append(phone)
        await phone.hush()
        gone = asyncio.create_task(phone.wait_until_gone())
        await asyncio.wait({gone}, timeout=12)
        gone.cancel()

    async with asyncio.timeout(90):
        await centre.world.call(number, presses(*keys, then=listens))
    return await phones[0].whole()


def audited(centre: Centre, kind: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(centre.site.folder / "state" / REGISTER)) as database:
        rows = database.execute("SELECT detail FROM audit WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    return [json.loads(detail) for (detail,) in rows]


def left(centre: Centre) -> list[str]:
    """Files of what was spoken, wherever."""
    folders = (centre.site.folder / "state" / VOICES, centre.site.folder / "spool" / TAKES)
    return sorted(file.name for folder in folders for file in folder.rglob("*") if file.is_file())


async def killed(centre: Centre) -> None:
    centre.daemon.kill(signal.SIGKILL)
    await centre.daemon.wait()
    await centre.restart_daemon()


async def puts_on(centre: Centre, welsh: int, english: int, code: str = CODE, handset: str = KEEPER) -> Path:
    """Records an emergency message in both languages, approves both, and has it on the line; what they heard."""

    async def script(phone: Phone) -> None:
        await presses_until(phone, "3", records(centre))
        await speaks(centre, phone, welsh)
        await presses_until(phone, "1", records(centre))
        await speaks(centre, phone, english)
        await presses_until(phone, "1", is_gone(phone))

    said, capture = await at_handset(centre, handset, code, script)
    assert said[-1] == "cy/line-is-emergency", said
    return capture


def is_gone(phone: Phone) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return phone.over

    return is_so


async def test_a_line_is_closed_opened_and_taken_back_and_it_stands_who_did_it_and_where(centre: Centre) -> None:
    for key, state, why, says in (
        ("2", "closed", "command", "line-is-shut"),
        ("1", "open", "command", "line-is-opened"),
        ("4", "open", "timetable", "line-is-open"),
    ):

        async def script(phone: Phone, key: str = key, state: str = state, why: str = why) -> None:
            await presses_until(phone, key, is_now(centre, state, why))

        said, _ = await at_handset(centre, ENGLISH_DESK, CODE, script)
        assert said[-1] == f"en/{says}", said
        assert "en/service-housing" in said
        assert await is_now(centre, state, why)()
        await centre.until_light(CODE, "InUse" if why == "command" else "Idle")
    rows = audited(centre, "ruling")
    assert [(row["service"], row["state"], row["who"]) for row in rows] == [
        ("housing", state, "english, handset 1007") for state in ("closed", "open", "timetable")
    ]
    assert (await at_handset(centre, KEEPER, "*289999"))[0][-1] == "cy/line-unknown"
    assert (await at_handset(centre, COLLEAGUE, "*286103"))[0][-1] == "cy/line-not-yours"
    assert (await at_handset(centre, OTHERS, CODE))[0][-1] == "cy/handset-not-allowed"


async def test_an_emergency_message_is_what_callers_hear_in_their_language_whoever_is_killed_until_it_is_taken_back(
    centre: Centre,
) -> None:
    approved = await puts_on(centre, WELSH, ENGLISH)
    assert await is_now(centre, "emergency")()
    await killed(centre)
    await centre.pbx.stop()
    await centre.pbx.start()
    await centre.until('it["synchronised"]', 30)
    capture = await caller(centre, HOUSING)
    ((first, welsh),), ((second, english),) = tones(capture, WELSH), tones(capture, ENGLISH)
    assert first < second
    for hertz, seconds, less in ((WELSH, welsh, ANSWERED), (ENGLISH, english, FRAMES)):
        ((_, of_approved),) = tones(approved, hertz)
        assert abs(of_approved - SPOKEN) < NEARLY
        assert -FRAMES < of_approved - seconds < less  # what was approved, and all of it
    assert heard(capture, SOUNDS) == []  # nothing else
    for key, hears, does_not in (("1", WELSH, ENGLISH), ("2", ENGLISH, WELSH)):
        capture = await caller(centre, GENERAL, key, "3")
        ((_, seconds),) = tones(capture, hears)
        assert abs(seconds - tones(approved, hears)[0][1]) < FRAMES, key
        assert tones(capture, does_not) == []
    assert len(left(centre)) == 2

    await puts_on(centre, OTHER, ENGLISH)  # in the place of the first
    capture = await caller(centre, HOUSING)
    assert tones(capture, WELSH) == []
    assert len(tones(capture, OTHER)) == len(tones(capture, ENGLISH)) == 1

    async def takes_back(phone: Phone) -> None:
        await presses_until(phone, "4", is_now(centre, "open", "timetable"))

    assert (await at_handset(centre, COLLEAGUE, CODE, takes_back))[0][-1] == "cy/line-is-open"
    capture = await caller(centre, HOUSING)
    assert tones(capture, OTHER) == tones(capture, ENGLISH) == []
    assert [each.prompt for each in heard(capture, SOUNDS)][:1] == ["welcome"]
    await killed(centre)
    assert left(centre) == []
    rows = audited(centre, "ruling")[-3:]
    assert [row["who"] for row in rows] == ["keeper, handset 1005"] * 2 + ["colleague, handset 1006"]
    assert len({row["message"] for row in rows[:2]}) == 2


async def test_who_hangs_up_or_is_not_heard_or_loses_the_daemon_has_put_nothing_on_the_line(centre: Centre) -> None:
    async def hangs_up(phone: Phone) -> None:
        await presses_until(phone, "3", records(centre))
        await speaks(centre, phone, WELSH)
        await presses_until(phone, "1", records(centre))
        await phone.speak(ENGLISH)
        await asyncio.sleep(1)
        await phone.hang_up_at_once()

    async def is_silent(phone: Phone) -> None:
        await presses_until(phone, "3", records(centre))
        await speaks(centre, phone, 0)
        await speaks(centre, phone, WELSH)
        await presses_until(phone, "4", is_gone(phone))

    async def loses_the_daemon(phone: Phone) -> None:
        await presses_until(phone, "3", records(centre))
        await speaks(centre, phone, WELSH)
        await presses_until(phone, "1", records(centre))
        await phone.speak(ENGLISH)
        centre.daemon.kill(signal.SIGKILL)
        await centre.daemon.wait()
        await asyncio.sleep(1)
        await phone.hush()
        await phone.press("#")

    before = len(audited(centre, "ruling"))
    await at_handset(centre, KEEPER, CODE, hangs_up)
    assert await is_now(centre, "open", "timetable")()
    said, _ = await at_handset(centre, KEEPER, CODE, is_silent)
    assert "cy/take-silent" in said
    assert said[-3:] == ["cy/emergency-not-live", "cy/service-housing", "cy/line-is-open"], said
    assert await is_now(centre, "open", "timetable")()
    said, _ = await at_handset(centre, KEEPER, CODE, loses_the_daemon)
    assert said[-1] == "cy/handset-unavailable", said
    assert left(centre) != []
    await centre.restart_daemon()
    assert await is_now(centre, "open", "timetable")()
    assert left(centre) == []
    assert [each.prompt for each in heard(await caller(centre, HOUSING), SOUNDS)][:1] == ["welcome"]
    assert len(audited(centre, "ruling")) == before


async def test_who_records_while_a_colleague_closes_the_line_hears_so_before_anything_is_on_it(centre: Centre) -> None:
    log = centre.pbx.folder / "log" / "full"

    async def script(phone: Phone) -> None:
        await presses_until(phone, "3", records(centre))
        await speaks(centre, phone, WELSH)
        await presses_until(phone, "1", records(centre))
        await phone.speak(ENGLISH)  # eight seconds of silence would end it
        said, _ = await at_handset(centre, COLLEAGUE, CODE, closes)
        assert said[-1] == "cy/line-is-shut"
        await speaks(centre, phone, ENGLISH)
        await presses_until(phone, "1", is_told)
        await presses_until(phone, "2", is_gone(phone))

    async def closes(phone: Phone) -> None:
        await presses_until(phone, "2", is_now(centre, "closed"))

    async def is_told() -> bool:
        return "cc/line-changed-meanwhile" in log.read_text(errors="replace")

    async def takes_back(phone: Phone) -> None:
        await presses_until(phone, "4", is_now(centre, "open", "timetable"))

    said, _ = await at_handset(centre, KEEPER, CODE, script)
    assert said[-1] == "cy/emergency-not-live", said
    assert await is_now(centre, "closed")()
    await at_handset(centre, COLLEAGUE, CODE, takes_back)


async def test_a_prompt_that_is_recorded_at_a_handset_is_heard_from_then_on_and_no_placeholder_takes_its_place(
    centre: Centre,
) -> None:
    async def script(phone: Phone) -> None:
        await presses_until(phone, "1", records(centre))  # in Welsh
        await speaks(centre, phone, WELSH)
        await presses_until(phone, "1", is_gone(phone))

    played = centre.site.folder / "sounds" / "cy" / "cc" / "welcome.alaw"
    was = played.read_bytes()
    said, approved = await at_handset(centre, KEEPER, f"*29{GREETING}", script)
    assert said.index("cy/prompt-present") < said.index("cy/welcome") < said.index("cy/take-speak")
    assert said[-1] == "cy/prompt-replaced", said
    await killed(centre)
    capture = await caller(centre, HIGHWAYS)
    assert -FRAMES < tones(approved, WELSH)[0][1] - tones(capture, WELSH)[0][1] < ANSWERED
    assert [f"{each.language}/{each.prompt}" for each in heard(capture, SOUNDS)][:1] == ["en/welcome"]
    for words in (("prompts", "build"), ("prompts", "build")):
        status, told = await ccdaemon(centre, *words)
        assert (status, "1 spoken by people (1 at a handset)" in told.replace("\n", " ")) == (0, True), told
    assert tones(await caller(centre, HIGHWAYS), WELSH)
    assert played.read_bytes() != was
    assert (centre.site.folder / "state" / RECORDED / "cy" / "welcome.wav").stat().st_mode & 0o777 == 0o644
    rows = audited(centre, "prompt")
    assert [(row["who"], row["handset"], row["prompt"], row["language"], row["did"]) for row in rows] == [
        ("keeper", KEEPER, "welcome", "cy", did) for did in ("replace", "replaced")
    ]
    _, told = await ccdaemon(centre, "doctor", "--json")
    looked = [each for each in json.loads(told.splitlines()[0])["found"] if each["thing"] == "spoken at handsets"]
    assert [each["state"] for each in looked] == ["ok"], looked
    said, _ = await at_handset(centre, KEEPER, f"*29{GREETING}", script)  # and once more over what `build` has made
    assert said[-1] == "cy/prompt-replaced"


async def test_nobody_records_the_announcement_at_a_handset_nor_without_the_right(centre: Centre) -> None:
    before = audited(centre, "prompt")

    async def waits(phone: Phone) -> None:
        await phone.stay(1)
        await phone.hang_up_at_once()

    said, _ = await at_handset(centre, KEEPER, "*29999999", waits)
    assert "cy/prompt-unknown" in said
    assert (await at_handset(centre, COLLEAGUE, "*29"))[0][-1] == "cy/handset-not-allowed"
    assert audited(centre, "prompt") == before
