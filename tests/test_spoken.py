"""What was spoken at handsets, as files: judged, heard in the place of a prompt, and gone when it is over."""

from __future__ import annotations

import array
import errno
import math
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from ccdaemon import audio
from ccdaemon.chain import Link
from ccdaemon.disk import _write as disk_write
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.handset import LONGEST_CONVERSATION
from ccdaemon.flows.takes import Takes
from ccdaemon.model import Catalogue, Numbers, Phone, Prompt
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.prompts import Find, Replace, Wanted
from ccdaemon.rules.handset.takes import MakeRoom, Room, TakeIn, Wrong
from ccdaemon.sounds import Sounds
from ccdaemon.spoken import Spoken
from ccdaemon.voices import Sound, is_made, sounds

AT = Line(Phone("1005", "1005", "general", "1005", "cy"), "PJSIP/1005-00000001", "7.1", "7.1")
RATE = 8000
WELCOME = Prompt("welcome", "cy")


def tone(seconds: float, level: int = 8000, hertz: float = 440.0) -> bytes:
    return array.array(
        "h", (round(level * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(round(seconds * RATE)))
    ).tobytes()


class Register:
    def __init__(self) -> None:
        self.full = False
        self.links: list[dict[str, object]] = []

    async def audit(self, link: Link) -> None:
        if self.full:
            raise RegisterFull("disk full")  # noqa: EM101 - as SQLite says it
        assert link.kind == "prompt"
        self.links.append(dict(link.detail))


CATALOGUE: Catalogue = {"welcome": {"cy": "Croeso.", "en": "Welcome."}, "notice": {"cy": "A", "en": "A"}}


class Prompts:
    def __init__(self) -> None:
        self.catalogue = CATALOGUE
        self.numbers: Numbers = {"welcome": 3001, "gone": 3002}


class World:
    """The folders of a site, and what works on them."""

    def __init__(self, folder: Path) -> None:
        self.takes, self.voices = folder / "takes", folder / "voices"
        self.recorded, self.elsewhere, self.played = folder / "recorded", folder / "elsewhere", folder / "sounds"
        for each in (self.elsewhere, self.played):
            each.mkdir(exist_ok=True)
        self.files = Spoken(self.takes, self.voices, self.recorded, self.elsewhere, self.played)
        self.sounds = Sounds(self.played, self.voices)
        self.register = Register()
        self.on_lines: set[str] = set()
        self.now = 1000.0
        self.flow = Takes(self.files, self.register, Prompts, lambda: self.on_lines, lambda: self.now)

    async def spoken(self, samples: bytes, language: str = "cy", ended: str = "DTMF") -> tuple[Room, Prompt | Wrong]:
        """Somebody speaks this; what comes of it."""
        room = await self.flow.make_room(MakeRoom(), AT)
        Path(f"{room.file}.sln").write_bytes(samples)
        return room, await self.flow.take_in(TakeIn(room, language, ended), AT)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    before = os.umask(0o077)  # as the daemon runs
    try:
        world = World(tmp_path)
        await world.flow.begin()
        yield world
    finally:
        os.umask(before)


async def test_what_is_spoken_becomes_a_sound_as_loud_as_prompts_are_without_silence_around_it(world: World) -> None:
    room, taken = await world.spoken(bytes(2 * RATE) + tone(1.5, 2000) + bytes(4 * RATE))
    assert taken == Prompt(room.name, "cy")
    assert [*world.takes.iterdir()] == []
    file = Path(f"{world.sounds.file(taken)}.alaw")
    heard = array.array("h", audio.of_alaw(file.read_bytes()))
    assert len(heard) / RATE == pytest.approx(1.8, abs=0.03)
    assert max(heard) == pytest.approx(23197, rel=0.05)
    for path in (file, *file.relative_to(world.voices).parents):
        mode = (world.voices / path).stat().st_mode & 0o777
        assert mode == (0o644 if path == file else 0o755), path


@pytest.mark.parametrize(
    ("samples", "ended", "why"),
    [
        (b"", "DTMF", Wrong.SILENT),
        (b"\1", "DTMF", Wrong.SILENT),
        (bytes(2 * RATE * 9), "SILENCE", Wrong.SILENT),
        (tone(0.1), "DTMF", Wrong.SHORT),
        (array.array("h", [32767, -32768] * RATE).tobytes(), "DTMF", Wrong.CLIPPED),
        (tone(3), "TIMEOUT", Wrong.LONG),
        (tone(3), "ERROR", Wrong.NOT_KEPT),  # the disk was full in the middle of it
    ],
)
async def test_what_nobody_could_hear_is_no_take_and_leaves_nothing(
    world: World, samples: bytes, ended: str, why: Wrong
) -> None:
    room, taken = await world.spoken(samples, ended=ended)
    assert taken is why
    assert [*world.takes.iterdir()] == []
    assert world.files.names() == set(), room


async def test_what_lies_there_and_is_no_file_of_asterisks_is_not_read(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "site.key"
    secret.write_bytes(tone(1))
    for kind in ("link", "pipe", "folder", "nothing"):
        room = await world.flow.make_room(MakeRoom(), AT)
        file = Path(f"{room.file}.sln")
        match kind:
            case "link":
                file.symlink_to(secret)
            case "pipe":
                os.mkfifo(file)
            case "folder":
                file.mkdir()
        with capture_logs():
            assert await world.flow.take_in(TakeIn(room, "cy", "DTMF"), AT) is Wrong.NOT_KEPT
    assert secret.exists()
    assert {name[0] for name in world.files.names()} <= {"_"}
    assert not [*world.voices.rglob("*.alaw")]


async def test_a_longer_file_than_anybody_may_speak_is_not_read_to_its_end(world: World) -> None:
    _, taken = await world.spoken(tone(200))
    assert isinstance(taken, Prompt)
    assert Path(f"{world.sounds.file(taken)}.alaw").stat().st_size == 150 * RATE


async def test_a_full_disk_is_said_and_what_was_there_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, taken = await world.spoken(tone(1))
    assert isinstance(taken, Prompt)
    before = Path(f"{world.sounds.file(taken)}.alaw").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    room = Room(taken.id, str(world.takes / taken.id))
    Path(f"{room.file}.sln").write_bytes(tone(2))
    monkeypatch.setattr("ccdaemon.disk.os.fsync", full)
    with capture_logs() as logs:
        assert await world.flow.take_in(TakeIn(room, "cy", "DTMF"), AT) is Wrong.NOT_KEPT
        assert not await world.flow.replace(Replace("sue", WELCOME, taken), AT)
    assert Path(f"{world.sounds.file(taken)}.alaw").read_bytes() == before
    assert world.sounds.file(WELCOME) is None
    assert [each["did"] for each in world.register.links] == ["replace", "failed"]
    assert "No space left" in str(logs)


# --- prompts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("3001", Wanted("welcome", ("cy", "en"))),
        ("03001", None),
        ("30*1", None),
        ("3002", None),
        ("1", None),
    ],
)
async def test_a_prompt_is_found_by_its_number(world: World, number: str, wanted: Wanted | None) -> None:
    assert await world.flow.find(Find(number), AT) == wanted


async def test_a_prompt_is_replaced_whole_and_counts_as_a_recording_of_people(world: World) -> None:
    there = world.played / "cy" / "cc"
    there.mkdir(parents=True)
    for ending in (".alaw", ".sln16", ".wav"):
        (there / f"welcome{ending}").write_bytes(b"placeholder")
    _, taken = await world.spoken(tone(1))
    assert isinstance(taken, Prompt)
    assert await world.flow.replace(Replace("sue", WELCOME, taken), AT)
    assert sorted(file.name for file in there.iterdir()) == [".welcome.made-from", "welcome.alaw"]
    assert (there / "welcome.alaw").read_bytes() == Path(f"{world.sounds.file(taken)}.alaw").read_bytes()
    (sound,) = (each for each in sounds(CATALOGUE, world.elsewhere, world.recorded) if each.recording)
    assert (sound.prompt, sound.language, is_made(sound, world.played)) == ("welcome", "cy", True)
    samples, rate, channels = audio.read_take(world.recorded / "cy" / "welcome.wav")
    assert (audio.alaw(samples), rate, channels) == ((there / "welcome.alaw").read_bytes(), RATE, 1)
    who = {"who": "sue", "handset": "1005", "prompt": "welcome", "language": "cy"}
    first, second = world.register.links
    assert first == {**who, "did": "replace"}
    assert second.pop("sha256")
    assert second == {**who, "did": "replaced"}


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("full_at", [1, 2, 3])  # the recording, its sound, of what that was made
async def test_where_the_disk_is_full_nothing_has_changed_as_they_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch, full_at: int, *, earlier: bool
) -> None:
    _, first = await world.spoken(tone(1))
    _, second = await world.spoken(tone(2))
    assert isinstance(first, Prompt)
    assert isinstance(second, Prompt)
    if earlier:
        assert await world.flow.replace(Replace("sue", WELCOME, first), AT)
    before, writes = _there(world), iter(range(1, 10))

    def full(file: Path, content: bytes, mode: int | None) -> None:
        if next(writes) == full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        disk_write(file, content, mode)

    with monkeypatch.context() as patched, capture_logs():
        patched.setattr("ccdaemon.disk._write", full)
        assert not await world.flow.replace(Replace("sue", WELCOME, second), AT)
    assert _there(world) == before
    assert bool(before) == earlier


def _there(world: World) -> dict[Path, tuple[bytes, int]]:
    """All that is heard, or may be: which of two recordings is newer counts too."""
    files = (each for folder in (world.recorded, world.played) for each in folder.rglob("*") if each.is_file())
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


async def test_where_nobody_can_write_down_who_did_it_a_prompt_stays_as_it_is(world: World) -> None:
    _, taken = await world.spoken(tone(1))
    assert isinstance(taken, Prompt)
    world.register.full = True
    with capture_logs():
        assert not await world.flow.replace(Replace("sue", WELCOME, taken), AT)
        assert not await world.flow.replace(Replace("sue", Prompt("no-more", "cy"), taken), AT)
    assert not [*world.recorded.rglob("*.wav")]


async def test_killed_between_recording_and_sound_a_prompt_is_heard_after_the_start(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, taken = await world.spoken(tone(1))
    assert isinstance(taken, Prompt)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ccdaemon.spoken.put", killed)
        with pytest.raises(KeyboardInterrupt):
            world.files.replace(WELCOME, "Croeso.", taken)
    assert world.sounds.file(WELCOME) is None
    after = World(tmp_path)
    with capture_logs():
        await after.flow.begin()
    assert after.sounds.file(WELCOME) is not None
    assert [(each["who"], each["did"]) for each in after.register.links] == [("ccdaemon", "replaced")]
    again = World(tmp_path)
    await again.flow.begin()
    assert again.register.links == []


async def test_of_two_recordings_the_newer_one_counts(world: World) -> None:
    _, taken = await world.spoken(tone(1))
    assert isinstance(taken, Prompt)
    await world.flow.replace(Replace("sue", WELCOME, taken), AT)
    ours, console = world.recorded / "cy" / "welcome.wav", world.elsewhere / "cy" / "welcome.wav"
    console.parent.mkdir()
    console.write_bytes(audio.wav(tone(2)))
    for newer, older in ((ours, console), (console, ours)):
        os.utime(older, (100, 100))
        os.utime(newer, (200, 200))
        (sound,) = (each for each in sounds(CATALOGUE, world.elsewhere, world.recorded) if each.recording)
        assert sound == Sound("welcome", "cy", "Croeso.", newer)


# --- what is over ----------------------------------------------------------------------------------------------------


async def test_what_is_on_no_line_goes_once_no_conversation_can_need_it_and_at_the_next_start(
    world: World, tmp_path: Path
) -> None:
    kept, gone = [(await world.spoken(tone(1), language))[0].name for language in ("cy", "en")]
    world.on_lines = {kept, gone}
    await world.flow.sweep()
    world.on_lines = {kept}  # taken back: who has begun to hear it hears it to its end
    await world.flow.sweep()
    world.now += LONGEST_CONVERSATION
    await world.flow.sweep()
    assert world.files.names() == {kept, gone}
    world.now += 1
    await world.flow.sweep()
    assert world.files.names() == {kept}

    await world.spoken(tone(1))
    (world.takes / "_half.sln").write_bytes(tone(1))
    (world.voices / "cy" / "cc" / "._half.alaw.new").write_bytes(b"half")
    after = World(tmp_path)
    after.on_lines = {kept}
    await after.flow.begin()
    assert after.files.names() == {kept}
    assert [file.name for file in after.voices.rglob("*") if file.is_file()] == [f"{kept}.alaw"]


async def test_where_the_folders_cannot_be_had_the_daemon_begins_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("no folder")
    with capture_logs() as logs:
        await World(tmp_path).flow.begin()
    assert "nothing can be recorded at handsets" in str(logs)
