"""Sound on the console, for real: what is played is heard, what is spoken is kept, a card that goes loses nothing."""

from __future__ import annotations

import asyncio
import importlib
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ccdaemon.cli import app
from ccdaemon.config import load
from tests.builders import PROMPTS, site_to_run
from tests.kept_site import LEG, Kept, kept_site
from tests.lab.console import Console, console, is_there

__all__ = ["kept_site"]

ROOT = Path(__file__).parents[1]
WHY = ("--purpose", "quality", "--reference", "QA-7")
DEADLINE = 60.0  # seconds
SPEAK = "for _ in card.play([open(sys.argv[1], 'rb').read()], card.TAKE, 1, 'voice'): pass"
HEAR = """
with open(sys.argv[1], 'wb', buffering=0) as heard:
    for block in card.record('ear'):
        heard.write(block)
        print(end=".", flush=True)
"""

sounding = pytest.mark.skipif(not is_there(), reason="PulseAudio, PortAudio or ALSA's plugins are not installed")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Console]:
    with console(tmp_path / "console") as found:
        yield found


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return site_to_run(tmp_path)


def tone(frequency: float, seconds: float, level: float = 0.25) -> bytes:
    wave = np.sin(2 * np.pi * frequency * np.arange(round(48_000 * seconds)) / 48_000)
    return bytes((wave * level * 32767).clip(-32768, 32767).astype("<i2").tobytes())


def strength(samples: np.ndarray, rate: int, frequency: float) -> float:
    """How much of a frequency is in it, 1 being a full sine wave."""
    at = np.arange(len(samples)) / rate
    return float(2 * abs(np.mean(samples * np.exp(-2j * np.pi * frequency * at))))


@dataclass
class Terminal:
    """Somebody types a command, sees what it prints, and answers."""

    process: subprocess.Popen[bytes]
    screen: int
    seen: str = ""

    def until(self, so: Callable[[str], bool]) -> None:
        while not so(self.seen):
            with suppress(OSError):  # EIO: nobody is at the other end any more
                if more := os.read(self.screen, 65536).decode(errors="replace"):
                    self.seen += more
                    continue
            raise AssertionError(self.seen)

    def end(self) -> int:
        with suppress(AssertionError):
            self.until(lambda _: False)
        os.close(self.screen)
        return self.process.wait(DEADLINE)

    def type(self, line: str = "") -> None:
        os.write(self.screen, f"{line}\n".encode())


def typed(desk: Console, *words: object) -> Terminal:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "ccdaemon", *map(str, words)]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=desk.environment, cwd=ROOT, start_new_session=True
    )
    os.close(theirs)
    return Terminal(process, ours)


def recorder(desk: Console, config: Path, *words: object) -> Terminal:
    """Whoever records a prompt, once the countdown is over."""
    command = ("prompts", "record", "welcome", "--language", "cy", "--device", "mic", "--config", config, *words)
    terminal = typed(desk, *command)
    terminal.until(lambda seen: "dBFS" in seen)
    return terminal


def speak(desk: Console, samples: bytes, folder: Path) -> None:
    file = folder / "said.raw"
    file.write_bytes(samples)
    with desk.start(SPEAK, file) as speaker:
        assert speaker.wait(DEADLINE) == 0


@sounding
def test_devices_are_listed_by_name_and_tested(desk: Console) -> None:
    terminal = typed(desk, "prompts", "devices")
    assert terminal.end() == 0
    assert all(name in terminal.seen for name in ("speaker", "mic", "default in and out"))
    tested = typed(desk, "prompts", "devices", "--test", "default")
    assert tested.end() == 0
    assert "a tone of one second was played" in tested.seen
    assert "the loudest of one second was" in tested.seen
    unknown = typed(desk, "prompts", "devices", "--test", "trumpet")
    assert unknown.end() == 1
    assert "trumpet" in unknown.seen


@sounding
def test_a_machine_without_a_card_says_so(tmp_path: Path, config: Path) -> None:
    nothing = Console(tmp_path, {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)})
    for words in (("devices",), ("record", "welcome", "--language", "cy", "--config", config)):
        terminal = typed(nothing, "prompts", *words)
        assert terminal.end() == 1
        assert "there is no sound card here" in terminal.seen
    assert [*(config / "recorded").rglob("*.*")] == []


def test_a_machine_without_portaudio_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = importlib.import_module

    def without_portaudio(name: str) -> ModuleType:
        if name == "sounddevice":
            message = "PortAudio library not found"
            raise OSError(message)
        return imported(name)

    monkeypatch.setattr(importlib, "import_module", without_portaudio)
    done = CliRunner().invoke(app, ["prompts", "devices"])
    assert (done.exit_code, "apt install libportaudio2" in done.stderr) == (1, True)


@sounding
async def test_a_recording_is_heard_and_written_nowhere(kept_site: Kept, desk: Console, tmp_path: Path) -> None:
    at = np.arange(8000 * 3) / 8000
    sides = [np.sin(2 * np.pi * frequency * at) * 8000 for frequency in (620, 440)]
    await kept_site.record("1783328600.1", "1783328600.2", np.stack(sides, axis=1).astype("<i2").tobytes())
    heard = tmp_path / "heard.raw"

    def listen() -> Terminal:
        with desk.start(HEAR, heard) as ear:
            assert ear.stdout is not None
            assert ear.stdout.read(1) == b"."  # it hears
            words = ("1783328600.2-1", *WHY, "--device", "speaker", "--config", kept_site.config)
            terminal = typed(desk, "recordings", "play", *words)
            assert terminal.end() == 0, terminal.seen
            ear.terminate()
        return terminal

    async with asyncio.timeout(DEADLINE):
        terminal = await asyncio.to_thread(listen)
    assert "0:02." in terminal.seen  # where it was
    samples = np.frombuffer(heard.read_bytes()[: heard.stat().st_size // 2 * 2], "<i2") / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.05)
    spoken = samples[loud[0] : loud[-1]]
    assert len(spoken) / 48_000 == pytest.approx(3.0, abs=0.15)
    assert strength(spoken, 48_000, 620) > 0.05
    assert strength(spoken, 48_000, 440) > 0.05
    assert strength(spoken, 48_000, 880) < 0.005
    assert [*(desk.folder / "temporary").iterdir()] == []
    rows = await kept_site.register.audited_between(0, 1e12)
    assert [row.kind for row in rows if row.kind == "access"] == ["access"]


@sounding
async def test_where_nothing_can_be_heard_nothing_is_opened(kept_site: Kept, tmp_path: Path) -> None:
    nothing = Console(tmp_path, {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)})
    terminal = typed(nothing, "recordings", "play", f"{LEG}-1", *WHY, "--config", kept_site.config)
    assert await asyncio.to_thread(terminal.end) == 1
    assert "there is no sound card here" in terminal.seen
    assert [row for row in await kept_site.register.audited_between(0, 1e12) if row.kind == "access"] == []


@sounding
def test_what_is_spoken_is_trimmed_kept_and_made_into_sounds_for_phones(
    desk: Console, config: Path, tmp_path: Path
) -> None:
    terminal = recorder(desk, config, "--countdown", 1)
    assert "\x1b[33m1\x1b[0m" in terminal.seen  # in yellow
    speak(desk, bytes(48_000) + tone(440, 1.0) + bytes(48_000), tmp_path)
    terminal.type()  # Enter ends it
    terminal.until(lambda seen: "Keep it?" in seen)
    terminal.type("y")
    assert terminal.end() == 0, terminal.seen
    assert "Croeso i Gyngor Sir Enghraifft" in terminal.seen
    samples, rate = soundfile.read(config / "recorded/cy/welcome.wav")
    assert rate == 48_000
    assert len(samples) / rate == pytest.approx(1.3, abs=0.06)
    assert strength(samples, rate, 440) == pytest.approx(0.25 * 1.0 / 1.3, rel=0.1)
    sounds = load(config, PROMPTS).main.paths.sounds / "cy/cc"
    assert {path.name for path in sounds.glob("welcome.*")} == {"welcome.alaw", "welcome.sln16"}
    played = typed(desk, *("prompts", "play", "welcome", "--language", "cy", "--device", "speaker", "--config", config))
    assert played.end() == 0, played.seen


@sounding
@pytest.mark.parametrize(
    ("said", "why"),
    [(bytes(96_000), "nothing is to be heard"), (tone(440, 1.0, level=4.0), "it is too loud and distorted")],
)
def test_a_take_that_is_not_good_enough_is_refused_and_the_old_one_stays(
    desk: Console, config: Path, tmp_path: Path, said: bytes, why: str
) -> None:
    old = config / "recorded/cy/welcome.wav"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"of before")
    terminal = recorder(desk, config, "--countdown", 0)
    speak(desk, said, tmp_path)
    terminal.type()
    assert terminal.end() == 1
    assert why in terminal.seen
    assert [path.read_bytes() for path in (config / "recorded").rglob("*.*")] == [b"of before"]


@sounding
def test_a_card_that_goes_in_the_middle_leaves_what_was_spoken_and_the_old_prompt(
    desk: Console, config: Path, tmp_path: Path
) -> None:
    old = config / "recorded/cy/welcome.wav"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"of before")
    terminal = recorder(desk, config, "--countdown", 0)
    speak(desk, tone(440, 1.0), tmp_path)
    desk.pull_out()
    assert terminal.end() == 1
    assert "the sound card is gone" in terminal.seen
    assert "What was spoken until then is in" in " ".join(terminal.seen.split())
    assert "pa_linux_alsa" not in terminal.seen
    assert old.read_bytes() == b"of before"
    samples, rate = soundfile.read(old.with_suffix(".part"))
    assert strength(samples, rate, 440) * len(samples) / rate > 0.1


@sounding
async def test_a_card_that_goes_while_something_is_played_is_said(kept_site: Kept, desk: Console) -> None:
    await kept_site.record("1783328600.1", "1783328600.2", bytes(4 * 8000 * 60))
    words = ("1783328600.2-1", *WHY, "--device", "speaker", "--config", kept_site.config)
    terminal = typed(desk, "recordings", "play", *words)
    await asyncio.to_thread(terminal.until, lambda seen: "0:01." in seen)
    desk.pull_out()
    assert await asyncio.to_thread(terminal.end) == 1
    assert "the sound card is gone" in terminal.seen


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("record", "nothing", "--language", "cy"), "there is no prompt 'nothing'"),
        (("play", "welcome", "--language", "fr"), "in the language 'fr'"),
        (("play", "welcome", "--language", "cy"), "`ccdaemon prompts build` makes it"),
    ],
)
def test_a_prompt_that_is_not_there_is_said(config: Path, words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["prompts", *words, "--config", str(config)])
    assert (done.exit_code, said in done.stderr) == (1, True), done.stderr
