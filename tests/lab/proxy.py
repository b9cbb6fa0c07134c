"""A TCP proxy that can be cut, delay, and lie: what the real network does now and then, and loopback never."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Proxy:
    """Listens at one address and passes everything on to another, until `cut`; `mend` listens again."""

    def __init__(self, here: tuple[str, int], there: tuple[str, int]) -> None:
        self.delay = 0.0  # seconds, for what comes from there
        self.alter: Callable[[bytes], bytes] = bytes  # the same
        self._here, self._there = here, there
        self._server: asyncio.Server
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._link, *self._here)

    async def cut(self) -> None:
        """Break every link at once and refuse new ones."""
        self._server.close()
        for writer in [*self._links]:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._there)
        self._links |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink, back=sink is writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, back: bool) -> None:
        try:
            while piece := await source.read(65536):
                if back:
                    await asyncio.sleep(self.delay)
                    piece = self.alter(piece)
                sink.write(piece)
                await sink.drain()
        except ConnectionError:
            pass  # it was cut
        finally:
            self._links.discard(sink)
            sink.transport.abort()
