"""Prompts as sound: in the trunk's codec, in wideband, by placeholder voices or by people."""

from __future__ import annotations

import array
import math
import os
import shutil
import stat
import subprocess
import wave
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.model import Prompt
from ccdaemon.rules.soundness import sound_files
from ccdaemon.sounds import Sounds
from ccdaemon.voices import VoicesMissing, build, sounds, unheard
from tests.builders import PROMPTS, Edit, example, example_site, site_to_run

pytestmark = pytest.mark.skipif(
    not (shutil.which("espeak-ng") and shutil.which("sox")), reason="espeak-ng and sox make the sounds (./dev fetches)"
)
CATALOGUE = {  # some prompts are enough to see how they are made
    "welcome": example().catalogue["welcome"],
    "goodbye": example().catalogue["goodbye"],
    "digits/1": example().catalogue["digits/1"],
}
SECOND = 8000  # samples of A-law
PEAK = round(32768 * 10 ** (-3 / 20))  # -3 dBFS


def made(folder: Path, *recordings: Path) -> dict[str, bool]:
    """Build these prompts; which of them were made anew."""
    return {f"{sound.language}/{sound.prompt}": anew for sound, anew in build(sounds(CATALOGUE, *recordings), folder)}


def samples(file: Path) -> list[int]:
    """The samples of a file of either kind, as 16 bit."""
    if file.suffix == ".sln16":
        return array.array("h", file.read_bytes()).tolist()
    linear = subprocess.run(
        [
            "sox",
            "-t",
            "raw",
            "-e",
            "a-law",
            "-r",
            "8000",
            "-c",
            "1",
            file,
            "-t",
            "raw",
            "-e",
            "signed",
            "-b",
            "16",
            "-",
        ],
        capture_output=True,
        check=True,
    )
    return array.array("h", linear.stdout).tolist()


def recorded(file: Path, hertz: float, seconds: float = 1.0, rate: int = 44100) -> Path:
    """Somebody at a microphone: a tone, in stereo, with silence round it."""
    quiet = [0] * rate
    tone = [round(9000 * math.sin(2 * math.pi * hertz * each / rate)) for each in range(round(seconds * rate))]
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(array.array("h", [each for each in [*quiet, *tone, *quiet] for _ in range(2)]).tobytes())
    return file


def pitch(heard: list[int], rate: int) -> float:
    """How often a tone crosses zero upwards, in Hz."""
    loud = [each for each in heard if abs(each) > 200]
    return sum(one < 0 <= other for one, other in pairwise(loud)) / len(loud) * rate


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """These prompts, spoken by placeholder voices."""
    folder = tmp_path_factory.mktemp("voices")
    assert all(made(folder).values())
    return folder


# --- placeholder voices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["cy", "en"])
@pytest.mark.parametrize("prompt", CATALOGUE)
def test_each_prompt_is_there_in_the_trunks_codec_and_in_wideband(voices: Path, language: str, prompt: str) -> None:
    stem = voices / Prompt(prompt, language).sound
    narrow, wide = samples(stem.with_name(f"{stem.name}.alaw")), samples(stem.with_name(f"{stem.name}.sln16"))
    assert len(narrow) == stem.with_name(f"{stem.name}.alaw").stat().st_size  # a byte is a sample
    assert len(wide) == pytest.approx(2 * len(narrow), abs=4)  # the same time at twice the rate
    for heard in (narrow, wide):
        assert max(map(abs, heard)) == pytest.approx(PEAK, rel=0.1)  # as loud as the others, and not too loud
    assert 0.3 * SECOND < len(narrow) < 12 * SECOND


def test_sounds_lie_where_asterisk_and_the_daemon_look_for_them(voices: Path) -> None:
    found = {str(file.relative_to(voices)) for file in voices.rglob("*.alaw")}
    assert found == set(sound_files(example_site(), CATALOGUE))
    for language in ("cy", "en"):
        assert (voices / language / "digits" / "1.alaw").exists()  # which Asterisk says itself, by names of its own
        assert (voices / language / "cc" / "welcome.alaw").exists()
        prompt = Prompt("welcome", language)
        assert Sounds(voices).file(prompt) == str(voices / language / "cc" / "welcome")
        assert Sounds(voices).samples(prompt) == (voices / language / "cc" / "welcome.alaw").stat().st_size


def test_asterisk_may_read_them_whatever_the_umask_of_who_built_them(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made(tmp_path / "sounds")
    finally:
        os.umask(before)
    everything = [tmp_path / "sounds", *(tmp_path / "sounds").rglob("[!.]*")]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in everything}
    assert modes == {path.name: 0o755 if path.is_dir() else 0o644 for path in everything}
    assert "welcome.alaw" in modes


def test_welsh_and_english_are_spoken_by_voices_of_their_own(tmp_path: Path) -> None:
    same = sounds({"name": {"cy": "Llanelli", "en": "Llanelli"}})
    assert len({sound.made_from() for sound in same}) == 2
    assert all(anew for _, anew in build(same, tmp_path))
    assert (tmp_path / "cy/cc/name.alaw").read_bytes() != (tmp_path / "en/cc/name.alaw").read_bytes()


def test_a_text_that_looks_like_an_option_is_only_a_text(tmp_path: Path) -> None:
    odd = {"odd": {"en": "--stdin; rm -rf $HOME `date` <b>"}}
    assert [anew for _, anew in build(sounds(odd), tmp_path)] == [True]
    assert len(samples(tmp_path / "en/cc/odd.alaw")) > SECOND / 2


# --- what is made again ----------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_not_made_again(voices: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in voices.rglob("*")}
    assert not any(made(voices).values())
    assert {file: file.stat().st_mtime_ns for file in voices.rglob("*")} == before


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.unlink(),
        lambda file: file.with_suffix(".sln16").unlink(),
        lambda file: file.with_name(f".{file.stem}.made-from").unlink(),
        lambda file: file.with_name(f".{file.stem}.made-from").write_text("something else"),
    ],
    ids=["a file is gone", "the other file is gone", "nobody knows of what it is", "it is of something else"],
)
def test_what_is_not_whole_is_made_again_and_nothing_else(
    voices: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    shutil.copytree(voices, tmp_path, dirs_exist_ok=True)
    change(tmp_path / "cy/cc/goodbye.alaw")
    assert [name for name, anew in made(tmp_path).items() if anew] == ["cy/goodbye"]
    assert (tmp_path / "cy/cc/goodbye.alaw").exists()
    assert (tmp_path / "cy/cc/goodbye.sln16").exists()


def test_a_text_that_changed_is_spoken_again_and_nothing_else(voices: Path, tmp_path: Path) -> None:
    shutil.copytree(voices, tmp_path, dirs_exist_ok=True)
    changed = {**CATALOGUE, "goodbye": {**CATALOGUE["goodbye"], "en": "Bye."}}
    anew = [f"{sound.language}/{sound.prompt}" for sound, new in build(sounds(changed), tmp_path) if new]
    assert anew == ["en/goodbye"]


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hertz", "length"), [(440, 0.8), (1500, 1.2)])
def test_a_recording_is_heard_in_the_place_of_the_placeholder(
    voices: Path, tmp_path: Path, hertz: float, length: float
) -> None:
    shutil.copytree(voices, tmp_path / "sounds")
    file = recorded(tmp_path / "recorded/cy/goodbye.wav", hertz, length)
    before = file.read_bytes()
    assert [name for name, anew in made(tmp_path / "sounds", tmp_path / "recorded").items() if anew] == ["cy/goodbye"]
    for ending, rate in ((".alaw", 8000), (".sln16", 16000)):
        heard = samples(tmp_path / f"sounds/cy/cc/goodbye{ending}")
        assert pitch(heard, rate) == pytest.approx(hertz, rel=0.1)
        assert max(map(abs, heard)) == pytest.approx(PEAK, rel=0.1)
        assert len(heard) / rate == pytest.approx(length + 0.3, abs=0.1)  # the silence round it is cut
    assert file.read_bytes() == before  # what somebody recorded is theirs
    assert [*(tmp_path / "recorded").rglob("*.*")] == [file]


def test_a_recording_is_not_made_anew_until_it_changes_and_the_voice_is_back_when_it_goes(tmp_path: Path) -> None:
    recordings = tmp_path / "recorded"
    file = recorded(recordings / "en/welcome.wav", 440)
    assert made(tmp_path / "sounds", recordings)["en/welcome"]
    assert not any(made(tmp_path / "sounds", recordings).values())
    recorded(file, 880)
    assert [name for name, anew in made(tmp_path / "sounds", recordings).items() if anew] == ["en/welcome"]
    file.unlink()
    assert [name for name, anew in made(tmp_path / "sounds", recordings).items() if anew] == ["en/welcome"]
    assert not any(made(tmp_path / "sounds", recordings).values())


def test_recordings_may_be_flac_and_may_be_of_what_asterisk_says_itself(tmp_path: Path) -> None:
    wav = recorded(tmp_path / "one.wav", 440)
    flac = tmp_path / "recorded/cy/digits/1.flac"
    flac.parent.mkdir(parents=True)
    subprocess.run(["sox", wav, flac], check=True, capture_output=True)
    made(tmp_path / "sounds", tmp_path / "recorded")
    assert pitch(samples(tmp_path / "sounds/cy/digits/1.alaw"), 8000) == pytest.approx(440, rel=0.1)


def test_a_recording_that_nobody_will_hear_is_named(tmp_path: Path) -> None:
    for name in ("cy/goodbye.wav", "cy/godbye.wav", "cy/welcome.WAV", "pl/goodbye.wav", "goodbye.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    lost = [str(file.relative_to(tmp_path)) for file in unheard(sounds(CATALOGUE, tmp_path), tmp_path)]
    assert lost == ["cy/godbye.wav", "cy/welcome.WAV", "goodbye.wav", "pl/goodbye.wav"]
    assert unheard([], tmp_path / "none") == []


def test_of_a_recording_in_each_of_two_folders_the_newer_one_is_heard(voices: Path, tmp_path: Path) -> None:
    shutil.copytree(voices, tmp_path / "sounds")
    console = recorded(tmp_path / "recorded/cy/goodbye.wav", 440)
    handset = recorded(tmp_path / "state/cy/goodbye.wav", 880)
    for newer, older, hertz in ((handset, console, 880), (console, handset, 440)):
        os.utime(older, (100, 100))
        os.utime(newer, (200, 200))
        anew = made(tmp_path / "sounds", tmp_path / "recorded", tmp_path / "state")
        assert [name for name, new in anew.items() if new] == ["cy/goodbye"]
        assert pitch(samples(tmp_path / "sounds/cy/cc/goodbye.alaw"), 8000) == pytest.approx(hertz, rel=0.1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_where_root_makes_the_sounds_their_folders_are_the_daemons(tmp_path: Path) -> None:
    os.chown(tmp_path, 64_102, 64_102)
    made(tmp_path)
    folders = [folder for folder in tmp_path.rglob("*") if folder.is_dir()]
    assert {(each.stat().st_uid, each.stat().st_gid) for each in folders} == {(64_102, 64_102)}
    assert len(folders) == 6


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no sound at all"])
def test_a_recording_that_is_none_is_named_and_leaves_what_was_there(
    voices: Path, tmp_path: Path, content: bytes
) -> None:
    shutil.copytree(voices, tmp_path / "sounds")
    before = (tmp_path / "sounds/cy/cc/goodbye.alaw").read_bytes()
    broken = tmp_path / "recorded/cy/goodbye.wav"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(content)
    with pytest.raises(VoicesMissing, match=f"no sound can be made of {broken}: sox failed: "):
        made(tmp_path / "sounds", tmp_path / "recorded")
    assert (tmp_path / "sounds/cy/cc/goodbye.alaw").read_bytes() == before


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_builds_every_prompt_of_the_site_its_own_and_peoples_included(tmp_path: Path) -> None:
    own = '[own-words]\ncy = "Helo."\nen = "Hello."\n'
    config = site_to_run(tmp_path, [Edit("prompts/own.toml", "", own)])
    recorded(config / "recorded/cy/own-words.wav", 440)
    site = load(config, PROMPTS)
    build_prompts = ["prompts", "build", "--config", str(config)]
    done = CliRunner().invoke(app, build_prompts, catch_exceptions=False)
    count = len(sound_files(site.site, site.catalogue))
    assert done.exit_code == 0
    assert f"{count} prompts in {site.main.paths.sounds}, {count} made anew; 1 spoken by people" in done.stdout
    assert all((site.main.paths.sounds / file).exists() for file in sound_files(site.site, site.catalogue))
    lost = recorded(config / "recorded/en/own-wrods.wav", 440)
    again = CliRunner().invoke(app, build_prompts, catch_exceptions=False)
    assert f"{lost} is heard by nobody" in again.stdout
    assert f"{count} prompts in {site.main.paths.sounds}, 0 made anew; 1 spoken by people" in again.stdout


def test_the_command_says_what_is_in_its_way(tmp_path: Path) -> None:
    config = site_to_run(tmp_path)
    (tmp_path / "file").touch()
    done = CliRunner().invoke(
        app, ["prompts", "build", "--config", str(config), "--to", str(tmp_path / "file")], catch_exceptions=False
    )
    assert done.exit_code == 1
    assert f"{tmp_path}/file/" in done.stderr
    assert "Not a directory" in done.stderr
