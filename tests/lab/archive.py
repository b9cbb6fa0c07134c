"""What a centre's archive holds, opened as everybody has to: by the daemon, for a purpose."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from ccdaemon import audio
from ccdaemon.archive import NAME, SEALED
from ccdaemon.control import ask
from ccdaemon.places import ARCHIVE, SOCKET
from tests.lab.site import Site
from tests.lab.tones import Samples


def finished(site: Site) -> set[Path]:
    """The sealed files."""
    return set((site.folder / "state" / ARCHIVE).rglob(f"*{SEALED}"))


def whose(file: Path) -> dict[str, Any]:
    """Of which leg a sealed file is, and the how manieth segment."""
    name = NAME.fullmatch(file.name.split(f".flac{SEALED}")[0] + ".raw")
    assert name is not None, f"{file.name} is no recording"
    return {"leg": name["leg"], "segment": int(name["segment"])}


def fetch(site: Site, recording: Mapping[str, Any], into: IO[bytes]) -> None:
    """The audio of a recording, as FLAC."""
    wanted = {key: recording[key] for key in ("leg", "segment")}
    ask(site.folder / "run" / SOCKET, "audio", into, **wanted, purpose="quality", reference="a test")
    into.seek(0)


def save(site: Site, recording: Mapping[str, Any], file: Path) -> None:
    """Write the audio of a recording into a WAV file."""
    with tempfile.TemporaryFile() as opened, file.open("wb") as sink:
        fetch(site, recording, opened)
        audio.convert(opened, sink, "wav")


def voices(site: Site, recording: Mapping[str, Any]) -> list[Samples]:
    """What agent and caller said, full scale at 1. Blocks until the daemon has answered."""
    with tempfile.TemporaryFile() as file:
        fetch(site, recording, file)
        samples = np.frombuffer(b"".join(audio.samples(file)), dtype="<i2")
    return [channel / 32768 for channel in samples.reshape(-1, 2).T]
