"""What was spoken at handsets, as files: Asterisk's raw takes, the sounds that are made of them, and prompts of people.

- `takes`, in the spool: Asterisk writes, the daemon takes away.
- `voices`, in the state: sounds that were not approved yet, and emergency messages of lines.
- `recorded`, in the state: LANGUAGE/PROMPT.wav, as people's own recordings beside the site's files are.

No name comes from whoever speaks: it is made here, or stands in the catalogue. Every file is whole or not there at all.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from ccdaemon import audio, disk
from ccdaemon.model import SPOKEN, Catalogue, Prompt
from ccdaemon.voices import ALAW, OPEN, READABLE, Sound, is_made, put, sounds

RAW = ".sln"  # samples of 16 bits
SHARED = 0o2770  # of the folder in which Asterisk writes


class Spoken:
    """The three folders, that of recordings beside the site's files, and that of the sounds that Asterisk plays."""

    def __init__(self, takes: Path, voices: Path, recorded: Path, elsewhere: Path, played: Path) -> None:
        self._takes = takes
        self._voices = voices
        self._recorded = recorded
        self._elsewhere = elsewhere
        self._played = played

    def begin(self) -> None:
        """Have the folders; whatever lies in the spool is of a conversation that is over. Raises `OSError`."""
        if not self._takes.is_dir():
            self._takes.mkdir()
            self._takes.chmod(SHARED)
        for folder in (self._voices, self._recorded):
            folder.mkdir(exist_ok=True)
            folder.chmod(OPEN)
        for file in (*self._takes.iterdir(), *self._voices.glob("*/cc/.*")):
            file.unlink()

    # --- takes -------------------------------------------------------------------------------------------------------

    def room(self) -> tuple[str, str]:
        """A new name for a prompt, and where Asterisk writes what is spoken for it."""
        name = f"{SPOKEN}{uuid4().hex}"
        return name, str(self._takes / name)

    def take_away(self, name: str, most: int) -> bytes:
        """The samples of a take, which is in the spool no longer; of a longer one the first `most` bytes.

        Asterisk's group writes there: no link is followed, and nothing is read that is no file. Raises `OSError`.
        """
        file = self._takes / f"{name}{RAW}"
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as take:
            file.unlink()
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                message = f"{file} is no file"
                raise OSError(message)
            samples = take.read(most)
        return samples[: len(samples) - len(samples) % audio.SAMPLE]

    # --- sounds ------------------------------------------------------------------------------------------------------

    def make(self, spoken: Prompt, samples: bytes) -> None:
        """A sound in the trunk's codec, as loud as the prompts are. Raises `OSError`, `AudioFault`."""
        _have(self._file(spoken).parent, self._voices)
        disk.replace(self._file(spoken), audio.alaw(audio.normalised(samples)), READABLE)

    def remove(self, name: str) -> None:
        """In every language. Raises `OSError`."""
        (self._takes / f"{name}{RAW}").unlink(missing_ok=True)
        for file in self._voices.glob(f"*/cc/{name}.*"):
            file.unlink()

    def names(self) -> set[str]:
        """Of all that was spoken and is there still, as sound or as take. Raises `OSError`."""
        return {file.stem for file in (*self._voices.glob(f"*/cc/{SPOKEN}*"), *self._takes.iterdir())}

    # --- prompts -----------------------------------------------------------------------------------------------------

    def replace(self, prompt: Prompt, text: str, approved: Prompt) -> str:
        """Let what was spoken be heard in the place of a prompt: from one moment to the next. Its SHA-256.

        First it stands among people's recordings: killed after that, `mend` goes on. Raises `OSError`, `AudioFault`.
        """
        alaw = self._file(approved).read_bytes()
        content, recording = audio.wav(audio.of_alaw(alaw)), self._recorded / prompt.language / f"{prompt.id}.wav"
        _have(recording.parent, self._recorded)
        before = recording.with_name(f".{recording.name}.before")
        before.unlink(missing_ok=True)
        if recording.exists():
            os.link(recording, before)
        try:
            disk.replace(recording, content, READABLE)
            put(Sound(prompt.id, prompt.language, text, recording), alaw, self._played)
        except OSError:  # whoever is told that nothing has changed must not find it changed by the next `build`
            if before.exists():
                before.replace(recording)  # as old as it was: of two recordings the newer one counts
            else:
                recording.unlink(missing_ok=True)
            raise
        finally:
            before.unlink(
                missing_ok=True
            )  # it is there still where nothing was replaced: rename(2) of one file to itself
        return hashlib.sha256(content).hexdigest()

    def mend(self, catalogue: Catalogue) -> Iterator[Prompt]:
        """Prompts whose recording was not yet heard when somebody was killed, and is now. Raises as `replace`."""
        for sound in sounds(catalogue, self._elsewhere, self._recorded):
            if sound.recording is None or not sound.recording.is_relative_to(self._recorded):
                continue
            if not is_made(sound, self._played):
                samples, _, _ = audio.read_take(sound.recording)
                put(sound, audio.alaw(samples), self._played)
                yield Prompt(sound.prompt, sound.language)

    def _file(self, spoken: Prompt) -> Path:
        return self._voices / f"{spoken.sound}{ALAW}"


def _have(folder: Path, top: Path) -> None:
    """A folder, and all between it and another one, into which Asterisk goes too."""
    for name in reversed(folder.relative_to(top).parents[:-1]):
        _have(top / name, top)
    folder.mkdir(exist_ok=True)
    folder.chmod(OPEN)
