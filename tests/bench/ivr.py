"""What one short IVR call costs: led by the dialplan, by a bare panoramisk FastAGI server, by ccdaemon.

The call is the same each time: answered, a prompt with a key, another prompt with a key, a variable, a short sound, the
end. sipp dials, and speaks as a telephone does: silence in A-law, keys by RFC 4733. The daemon runs for its own calls
only, with manager link, register, broker and heartbeat as in production; the bare server does nothing but this call.
CPU is what the kernel has charged to the processes (proc(5)), without sipp's.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.ratios import ratio
from tests.bench.voice import capture
from tests.lab.asterisk import Asterisk
from tests.lab.centre import SOUNDS, make_sounds
from tests.lab.programs import Program, broker, daemon, until_broker_up, until_up
from tests.lab.site import ROOT, Site, pbx, write_site

RATES = (20, 50)  # calls a second
SECONDS = 12  # of dialling in each round
ROUNDS = 5
PORT = 4600  # of the bare server
NUMBER = "01632960199"
SCENARIO = Path(__file__).with_name("ivr.xml")
TICKS = os.sysconf("SC_CLK_TCK")
TOTAL_AIM, SHARE_AIM = 1.15, 0.8
SIDES = ("dialplan", "panoramisk", "ccdaemon")

SERVICE = """
name = {{ cy = "Mesur", en = "Measure" }}
numbers = ["{number}"]
extension = "6199"
[queue]
name = "reception"
[hours]
always = true
[menus.main]
prompt = "housing-main"
keys.1 = "goodbye"
keys.2 = "queue"
keys.3 = "queue"
keys.9 = "say privacy-notice"
keys.0 = "queue"
[menus.closed]
prompt = "housing-closed"
keys.1 = "service careline"
[menus.unanswered]
prompt = "unanswered"
keys.1 = "queue"
"""

# The other two ways to lead the call, in contexts of their own.
CONTEXTS = """
[bench]
exten => dialplan,1,Answer()
 same => n,Read(KEY,{sounds}/cy/cc/welcome,1,,1,4)
 same => n,Read(KEY,{sounds}/cy/cc/housing-main,1,,1,4)
 same => n,Set(CC_RESULT=goodbye)
 same => n,Playback({sounds}/cy/cc/goodbye)
 same => n,Hangup()
exten => panoramisk,1,AGI(agi://{address}:{port}/call)
 same => n,Hangup()
"""


@dataclass(frozen=True)
class Cost:
    """CPU of one call, in milliseconds."""

    asterisk: float
    python: float

    @property
    def total(self) -> float:
        return self.asterisk + self.python


@dataclass
class Bench:
    """The PBX, and what is needed to call it."""

    site: Site
    pbx: Asterisk

    async def cost(self, side: str, rate: int) -> Cost:
        """Place calls for a while, led by one of the sides."""
        async with self._leader(side) as leader:
            await self._dial(side, rate, rate)  # a second of it, to warm up
            calls = rate * SECONDS
            before = _cpu(self.pbx.pid), _cpu(leader.pid) if leader else 0.0
            await self._dial(side, rate, calls)
            after = _cpu(self.pbx.pid), _cpu(leader.pid) if leader else 0.0
        return Cost(*(1000 * (end - start) / calls for start, end in zip(before, after, strict=True)))

    @asynccontextmanager
    async def _leader(self, side: str) -> AsyncIterator[Program | None]:
        if side == "dialplan":
            yield None
            return
        if side == "ccdaemon":
            program = daemon(self.site, "info")
        else:
            command = [
                sys.executable,
                "-m",
                "tests.bench.bare",
                str(self.site.addresses.pbx),
                str(PORT),
                str(_sounds(self.site)),
            ]
            program = Program("bare", command, self.site.folder / "bare.log")
        await program.start()
        try:
            if side == "ccdaemon":
                await until_up(self.site, program)
            else:
                await _until_listening(self.site.addresses.pbx, PORT)
            yield program
        finally:
            await program.stop()

    async def _dial(self, side: str, rate: int, calls: int) -> None:
        prefix = self.site.addresses.pbx.rpartition(".")[0]
        address, number = (f"{prefix}.3", NUMBER) if side == "ccdaemon" else (f"{prefix}.4", side)
        command = [
            "sipp", f"{self.site.addresses.pbx}:5060", "-sf", str(SCENARIO), "-s", number, "-i", address, "-p", "5060",
            "-mi", address, "-r", str(rate), "-m", str(calls), "-l", str(20 * rate), "-nostdin",
            "-timeout", f"{calls // rate + 30}", "-timeout_error",
        ]  # fmt: skip
        sipp = await asyncio.create_subprocess_exec(
            *command, cwd=self.site.folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await sipp.communicate()
        if sipp.returncode != 0:
            message = f"sipp ended with {sipp.returncode}: not every call went as it must. {complaint.decode()[-500:]}"
            raise RuntimeError(message)


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _sounds(site: Site) -> Path:
    return site.folder / "sounds"


async def _until_listening(address: str, port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(address, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.write(b"\n\n")  # else the bare server would wait for it in an endless loop
                writer.close()
                return


@asynccontextmanager
async def _bench() -> AsyncIterator[Bench]:
    folder = ROOT / ".run" / "bench"
    site = write_site(folder, folder / "sounds")
    (site.config / "services" / "bench.toml").write_text(SERVICE.format(number=NUMBER))
    make_sounds(site)
    (folder / "voice.pcap").write_bytes(capture({0.4: 1, 1.2: 1}, 4))
    shutil.copytree(SOUNDS, _sounds(site))
    for language in ("cy", "en"):  # the short sound: a quarter of a second, in the trunk's codec like all others
        (_sounds(site) / language / "cc" / "goodbye.alaw").write_bytes(bytes([0xD5, 0x55]) * 1000)
    trunk = f"{site.addresses.pbx.rpartition('.')[0]}.4"
    bench = f"[bench](cc-trunk)\ncontext = bench\n[bench]\ntype = identify\nendpoint = bench\nmatch = {trunk}\n"
    contexts = CONTEXTS.format(sounds=_sounds(site), address=site.addresses.pbx, port=PORT)
    switch = pbx(
        site, {"logger.conf": "[general]\n[logfiles]\nfull => warning,error\n", "ccdaemon/bench.conf": contexts}
    )
    switch.append("pjsip.conf", bench)
    mosquitto = broker(site)
    try:
        await asyncio.gather(switch.start(), mosquitto.start())
        await until_broker_up(site)
        yield Bench(site, switch)
    finally:
        await mosquitto.stop()
        await switch.stop()


async def main(rounds: int) -> int:
    reached = True
    async with _bench() as bench:
        for rate in RATES:
            costs: dict[str, list[Cost]] = {side: [] for side in SIDES}
            for number in range(rounds or ROUNDS):
                for side in (*SIDES[number % 3 :], *SIDES[: number % 3]):
                    costs[side].append(await bench.cost(side, rate))
                    print(f"  round {number + 1}, {side}: {costs[side][-1].total:.2f} ms", file=sys.stderr)
            reached &= _print(rate, costs)
    return 0 if reached else 1


def _print(rate: int, costs: dict[str, list[Cost]]) -> bool:
    print(f"{rate} calls a second, milliseconds of CPU for each call")
    for side, each in costs.items():
        asterisk, python = (statistics.median(getattr(cost, of) for cost in each) for of in ("asterisk", "python"))
        print(f"  {side:<11} Asterisk {asterisk:6.2f}   Python {python:5.2f}")
    total = [cost.total for cost in costs["ccdaemon"]], [cost.total for cost in costs["dialplan"]]
    share = [cost.python for cost in costs["ccdaemon"]], [cost.python for cost in costs["panoramisk"]]
    print(f"  total of ccdaemon through the dialplan's    {ratio(*total)}; aim {TOTAL_AIM}")
    print(f"  Python of ccdaemon through panoramisk's     {ratio(*share)}; aim {SHARE_AIM}")
    totals, shares = ([ours / theirs for ours, theirs in zip(*pair, strict=True)] for pair in (total, share))
    return statistics.median(totals) <= TOTAL_AIM and statistics.median(shares) <= SHARE_AIM
