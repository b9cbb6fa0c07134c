"""A site with one recorded call and what else is kept of its caller, behind the control socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from ccdaemon.archive import Archive
from ccdaemon.cli import app
from ccdaemon.config import load
from ccdaemon.control import Refused, ask
from ccdaemon.kept import Imported, Item, Recording
from ccdaemon.notices import CallEnded, CallIdentified, Heard, LegBegan
from ccdaemon.places import ARCHIVE, SOCKET
from ccdaemon.rules.lines import read
from ccdaemon.store import Register
from tests.builders import PROMPTS, a_raw_file, serving, site_to_run

CALL, LEG, AGENT = "1783328400.1", "1783328400.2", "PJSIP/1001-0000002a"
OTHER_CALL, OTHER_LEG = "1783328500.1", "1783328500.2"
AT = 1783328400.0  # 6 July 2026, 10:00 in Wales
NUMBER, OTHER_NUMBER = "+441632960777", "+441632960778"
A_SECOND = b"\1\0\2\0" * 8000
WHEN = "2026-07-06T10:00:00+01:00"


@dataclass(frozen=True)
class Kept:
    config: Path
    register: Register
    archive: Archive
    secret: Path

    @property
    def archive_folder(self) -> Path:
        return load(self.config, PROMPTS).main.paths.state / ARCHIVE

    async def refusal(self, question: str, **values: Any) -> str:  # noqa: ANN401 - any JSON
        """Why the daemon does not answer a question that no command asks like this."""
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(lambda: ask(load(self.config, PROMPTS).main.paths.run / SOCKET, question, **values))
        return str(refused.value)

    async def record(self, call: str, leg: str, samples: bytes = A_SECOND, number: str = NUMBER) -> None:
        await self.register.write(
            [
                CallIdentified(call, AT, "+441632960111", number, "housing", "cy", 1),
                Heard(call, AT + 1, "housing", "main", "cy", "2"),
                LegBegan(call, AT + 2, leg, AGENT),
                CallEnded(call, AT + 60),
            ]
        )
        path = a_raw_file(load(self.config, PROMPTS).main.paths.spool / "recordings", call, leg, samples)
        (raw,) = (raw for raw in self.archive.raw() if raw.path == path)
        done = self.archive.finish(raw, "recording-2027-07")
        row = Recording(leg, call, "housing", AT, AT + 1, file=done.file, seconds=done.seconds, bytes=done.bytes)
        await self.register.finish_recording(row, done, AT)
        self.archive.discard(raw)


def an_item(kind: Imported, name: str, **said: object) -> Item:
    text = {"text": "Helo", "direction": "in"} if kind == "sms" else {"messages": [{"by": "caller", "text": "Helo"}]}
    return read(kind, json.dumps({"id": name, "at": WHEN, **text, **said}).encode(), "GB")


@asynccontextmanager
async def a_kept_site(folder: Path) -> AsyncIterator[Kept]:
    config = site_to_run(folder)
    secret = folder / "passphrase"
    secret.write_text("cyfrinach hir iawn\n")
    with capture_logs():  # the daemon's are elsewhere
        async with serving(config) as (register, archive):
            kept = Kept(config, register, archive, secret)
            await kept.record(CALL, LEG)
            yield kept


@pytest.fixture
async def kept_site(tmp_path: Path) -> AsyncIterator[Kept]:
    async with a_kept_site(tmp_path) as kept:
        yield kept


async def run(config: Path, *words: object) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [*map(str, words), "--config", str(config)])
