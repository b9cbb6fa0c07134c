"""A console without a sound card: PulseAudio, with a speaker that nobody hears, and a microphone to be spoken into."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# The microphone is what is played into the sink `mic`: `voice` speaks into it. `ear` hears the speaker.
DEVICES = {"speaker": "speaker", "ear": "speaker.monitor", "voice": "mic", "mic": "mic.monitor"}
MODULES = ("module-native-protocol-unix", "module-null-sink sink_name=speaker", "module-null-sink sink_name=mic")
LIBRARIES = ("libportaudio.so.2", "libasound_module_pcm_pulse.so")


def is_there() -> bool:
    """Is all that it needs installed?"""
    return shutil.which("pulseaudio") is not None and all(any(Path("/usr/lib").rglob(name)) for name in LIBRARIES)


@dataclass(frozen=True)
class Console:
    """`environment` is for whoever sits at it."""

    folder: Path
    environment: dict[str, str]

    def pull_out(self) -> None:
        """The card is gone, from one moment to the next."""
        with suppress(ProcessLookupError):
            os.kill(int((self.folder / "run/pulse/pid").read_text()), signal.SIGKILL)

    def start(self, script: str, *words: object) -> subprocess.Popen[bytes]:
        """A program beside, with the sound card's room: `card` in its script."""
        program = f"import sys\nfrom ccdaemon import card\n{script}"
        command = [sys.executable, "-c", program, *map(str, words)]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)


@contextmanager
def console(folder: Path) -> Iterator[Console]:
    home, run = folder / "home", folder / "run"
    for each in (home, run):
        each.mkdir(mode=0o700, parents=True)
    names = "".join(
        f"pcm.{name} {{\n type pulse\n device {device}\n hint {{ show on\n description {name} }}\n}}\n"
        for name, device in DEVICES.items()
    )
    (home / ".asoundrc").write_text(f"pcm.!default {{\n type pulse\n}}\nctl.!default {{\n type pulse\n}}\n{names}")
    places = {"HOME": home, "XDG_RUNTIME_DIR": run, "PULSE_RUNTIME_PATH": run / "pulse", "TMPDIR": folder / "temporary"}
    (folder / "temporary").mkdir()
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}, "COLUMNS": "200"}
    options = ["-n", "--daemonize=yes", "--exit-idle-time=-1", "--use-pid-file=yes", "--disable-shm=yes"]
    for module in MODULES:
        options += ["-L", module]
    subprocess.run(["pulseaudio", *options], env=environment, check=True, timeout=30, capture_output=True)
    found = Console(folder, environment)
    try:
        yield found
    finally:
        found.pull_out()
