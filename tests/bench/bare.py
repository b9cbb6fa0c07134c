"""The bare peer: panoramisk's own FastAGI server, as its documentation shows it, leading one short call."""

from __future__ import annotations

import asyncio
import sys

from panoramisk import fast_agi


async def lead(request: fast_agi.Request) -> None:
    for command in (
        "ANSWER",
        f"GET DATA {SOUNDS}/cy/cc/welcome 4000 1",
        f"GET DATA {SOUNDS}/cy/cc/housing-main 4000 1",
        "SET VARIABLE CC_RESULT goodbye",
        f'STREAM FILE {SOUNDS}/cy/cc/goodbye ""',
    ):
        await request.send_command(command)


HOST, PORT, SOUNDS = sys.argv[1:]
loop = asyncio.new_event_loop()
application = fast_agi.Application(loop=loop)
application.add_route("call", lead)
loop.run_until_complete(asyncio.start_server(application.handler, HOST, int(PORT)))
loop.run_forever()
