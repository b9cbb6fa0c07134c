"""Prompts as sound: somebody's own recording where there is one, else a placeholder voice by espeak-ng.

Each prompt is written twice, in the trunk's codec (A-law at 8 kHz, which costs Asterisk no transcoding) and as linear
PCM at 16 kHz for wideband phones. What has not changed since the last time is not made again. Of two recordings of a
prompt, one beside the site's files and one from a handset, the newer one is heard.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ccdaemon import disk
from ccdaemon.model import ENDINGS, Catalogue, Language, Prompt

VOICES = {"cy": "cy", "en": "en-gb-x-rp"}
READABLE, OPEN = 0o644, 0o755  # modes of files and folders
WORDS_PER_MINUTE = 150
RECORDED = "recorded"  # people's recordings of prompts: beside the site's files, and below the state those of handsets
RECORDED_ENDINGS = (".wav", ".flac")
ALAW = ENDINGS[0]
FORMATS = {  # ending -> what sox writes: raw samples, as Asterisk's format_pcm.c and format_sln.c read them
    ALAW: ("-t", "raw", "-e", "a-law", "-r", "8000", "-c", "1"),
    ".sln16": ("-t", "raw", "-e", "signed", "-b", "16", "-r", "16000", "-c", "1"),
}
# No louder than -3 dBFS, silence before and after cut down to what a listener needs, no click at either end.
POLISH = ("silence", "1", "0.05", "0.1%", "reverse", "silence", "1", "0.05", "0.1%", "reverse", "pad", "0.1", "0.2")


class VoicesMissing(Exception):
    """A program that makes sounds is not installed, or failed; the text says which, and what it said."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One prompt in one language, to be made: from a recording, or else from its text."""

    prompt: str
    language: Language
    text: str
    recording: Path | None

    def made_from(self) -> str:
        """What the result depends on, as one short word."""
        voice = f"{VOICES.get(self.language, self.language)} {WORDS_PER_MINUTE} {POLISH} {FORMATS} {self.text}"
        source = self.recording.read_bytes() if self.recording else voice.encode()
        return hashlib.sha256(source).hexdigest()[:16]


def sounds(catalogue: Catalogue, *recordings: Path) -> list[Sound]:
    """Everything that the catalogue asks for, each with the recording that replaces the placeholder voice."""
    return [
        Sound(prompt, language, text, _recording(recordings, prompt, language))
        for prompt, texts in sorted(catalogue.items())
        for language, text in sorted(texts.items())
    ]


def unheard(wanted: list[Sound], recordings: Path) -> list[Path]:
    """Recordings that are of no prompt: misspelt, in another format, or of one that is no more."""
    used = {_recording([recordings], each.prompt, each.language) for each in wanted}
    return sorted(file for file in recordings.rglob("*") if file.is_file() and file not in used)


def build(wanted: list[Sound], into: Path) -> Iterator[tuple[Sound, bool]]:
    """Make what is missing or has changed, and say of each sound, as it is done, whether it was made anew.

    Raises `VoicesMissing`; what was made until then stays. Where root makes them, folders belong to whoever has the
    uppermost: the daemon puts there what is spoken at handsets.
    """
    for program in ("espeak-ng", "sox"):
        if shutil.which(program) is None:
            message = f"{program} is not installed: it makes the placeholder voices (Debian: apt install espeak-ng sox)"
            raise VoicesMissing(message)
    with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        yield from zip(wanted, workers.map(lambda each: _make(each, into), wanted), strict=True)
    if os.geteuid() == 0 and into.exists():
        owner = into.stat()
        for folder in (each for each in into.rglob("*") if each.is_dir() and not each.is_symlink()):
            os.chown(folder, owner.st_uid, owner.st_gid, follow_symlinks=False)


def is_made(sound: Sound, into: Path) -> bool:
    """Is a sound there, and of this very text or recording?"""
    stem = into / Prompt(sound.prompt, sound.language).sound
    stamp = _stamp(stem)
    there = stem.with_name(f"{stem.name}{ALAW}").exists() and stamp.exists()
    return there and stamp.read_text() == sound.made_from()


def put(sound: Sound, alaw: bytes, into: Path) -> None:
    """Have this heard, which was made of its recording, and nothing else of that name: from one moment to the next.

    Killed amid it, `is_made` says no. Raises `OSError`, where nothing has changed.
    """
    stem = into / Prompt(sound.prompt, sound.language).sound
    _make_folder(stem.parent)
    disk.replace_all([(stem.with_name(f"{stem.name}{ALAW}"), alaw), (_stamp(stem), sound.made_from())], READABLE)
    for ending in ENDINGS:
        if ending != ALAW:
            stem.with_name(f"{stem.name}{ending}").unlink(missing_ok=True)


def _make(wanted: Sound, into: Path) -> bool:
    stem = into / Prompt(wanted.prompt, wanted.language).sound
    stamp = _stamp(stem)
    source = wanted.made_from()
    files = {ending: stem.with_name(stem.name + ending) for ending in FORMATS}
    if all(file.exists() for file in files.values()) and stamp.exists() and stamp.read_text() == source:
        return False
    _make_folder(stem.parent)
    speech = wanted.recording.read_bytes() if wanted.recording else _speak(wanted)
    for ending, file in files.items():
        kind = wanted.recording.suffix[1:] if wanted.recording else "wav"
        try:
            made = _run(["sox", "-V1", "--norm=-3", "-t", kind, "-", *FORMATS[ending], "-", *POLISH], speech)
        except VoicesMissing as fault:
            message = f"no sound can be made of {wanted.recording or wanted.prompt}: {fault}"
            raise VoicesMissing(message) from None
        disk.replace(file, made, READABLE)
    disk.replace(stamp, source, READABLE)
    return True


def _stamp(stem: Path) -> Path:
    return stem.with_name(f".{stem.name}.made-from")


def _make_folder(folder: Path) -> None:
    """Asterisk plays from it as another user, whatever the umask of whoever builds the prompts."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in made:
        each.chmod(OPEN)


def _speak(wanted: Sound) -> bytes:
    voice = VOICES.get(wanted.language, wanted.language)
    return _run(["espeak-ng", "--stdout", "-v", voice, "-s", str(WORDS_PER_MINUTE), "--", wanted.text])


def _run(command: list[str], given: bytes = b"") -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        message = f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()}"
        raise VoicesMissing(message)
    return done.stdout


def _recording(folders: Iterable[Path], prompt: str, language: Language) -> Path | None:
    """The newest of all folders; in one of them that of the first ending."""
    there = []
    for folder in folders:
        files = (folder / language / f"{prompt}{ending}" for ending in RECORDED_ENDINGS)
        there += [file for file in files if file.exists()][:1]
    return max(there, key=lambda file: file.stat().st_mtime, default=None)
