"""Every way to a payments officer, for real: no frame of any recording holds what followed."""

from __future__ import annotations

import asyncio
import signal

from tests.lab.counts import agree
from tests.lab.interlock import AGENTS, NUMBERS, OFFICERS, Tried, interlocked, tried
from tests.lab.phones import OFFICER, Phone
from tests.lab.stage import Act, Stage
from tests.lab.ways import attended_code
from tests.live.conftest import RUN

OPEN_DOOR = "[cc-door]\nexten => s,1,Return(clear)\n[cc-refused]\nexten => s,1,Hangup()\n"
OVER = 30.0  # seconds until no call is live any more


async def _all_ways() -> list[Tried]:
    """None at all where Asterisk ended meanwhile.

    Asterisk 22.10.1 does, once in a hundred rounds of these: where an agent hangs up while the one they consult still
    rings, its transfer has no data any more (`blond_nonfinal_enter` and `ringing` in main/bridge_basic.c).
    """
    async with interlocked(RUN / "interlock") as centre:
        try:
            everything = await tried(centre)
        except ExceptionGroup:
            if centre.pbx.running:
                raise
            return []
        await centre.until('it["live"] == []', OVER)
        await agree(centre)  # whatever way they went, our counts of queues are Asterisk's
        return everything


async def test_no_way_by_the_door_leaves_a_frame_of_what_followed() -> None:
    everything = await _all_ways() or await _all_ways()
    assert everything, "Asterisk ended twice"
    assert {each.route.name: each.found for each in everything if each.found} == {}
    assert [each.route.name for each in everything if each.connected != each.route.connects] == []
    assert [each.route.name for each in everything if each.recorded != each.route.recorded] == []


async def test_the_measure_finds_what_followed_where_door_and_guard_are_away() -> None:
    """Else all of the above would hold of recordings in which nothing is found whatever they hold."""
    async with interlocked(RUN / "open", {"ccdaemon/cc-door.conf": OPEN_DOOR}) as centre:

        async def alone(act: Act, phone: Phone) -> None:
            centre.daemon.kill(signal.SIGKILL)
            await centre.daemon.wait()
            await asyncio.gather(attended_code(act, phone), records_anew(act))

        async def records_anew(act: Act) -> None:
            """Else, in half of the runs, the old recorder would lose what comes from a new bridge."""
            await act.connected.wait()
            (first,) = centre.site.recordings.iterdir()
            channel = (await act.channel(f"PJSIP/{act.agent}-"))["Channel"]
            await centre.pbx.cli(f"mixmonitor stop {channel}")
            await asyncio.sleep(0.1)  # as cc-connected does: the next frame that comes lets the old one go
            await centre.pbx.cli(f"mixmonitor start {channel} {str(first).replace('_1.raw', '_2.raw')},D")

        stage = Stage(centre, AGENTS, OFFICERS)
        await stage.play(alone, NUMBERS[0])
        await centre.restart_daemon()
        found = await stage.heard_after()
    assert len(found) == 2
    assert OFFICER in {tone.hertz for tones in found.values() for tone in tones}
