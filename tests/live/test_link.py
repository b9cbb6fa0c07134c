"""The manager link is cut for ten seconds while forty calls go on: none is dropped, none is lost to the register."""

from __future__ import annotations

import asyncio
import random

from tests.lab.centre import Centre, contact_centre
from tests.lab.phones import Phone
from tests.lab.programs import until_up
from tests.lab.proxy import Proxy
from tests.lab.scripts import lets_it_ring, presses, talks
from tests.live.conftest import RUN

RECEPTION, HOUSING, HIGHWAYS = "01632960100", "01632960111", "01632960103"
OUTAGE = 10.0  # seconds
LONG, SHORT = 40, 20  # calls through the whole outage, and calls that come and go during it
PROXY_PORT = 5039


async def test_ten_seconds_without_the_manager_link_drop_no_call_and_lose_none() -> None:
    async with contact_centre(RUN / "link", manager_port=PROXY_PORT, level="info") as centre:
        address = centre.site.addresses.pbx
        proxy = Proxy((address, PROXY_PORT), (address, 5038))
        await proxy.mend()
        await centre.daemon.start()
        await until_up(centre.site, centre.daemon)
        for extension in ("1005", "1006"):
            centre.world.desk(extension, talks())
        centre.world.desk("*", lets_it_ring())
        over = asyncio.Event()
        dropped: list[str] = []
        async with asyncio.TaskGroup() as calls:
            for number in range(LONG):
                calls.create_task(_stay(centre, f"0770090{number:04d}", over, dropped))
            await centre.until(f'len([call for call in it["live"]]) >= {LONG}', 30)
            await proxy.cut()
            for number in range(SHORT):
                calls.create_task(_come_and_go(centre, f"0770091{number:04d}"))
            await asyncio.sleep(OUTAGE)  # the outage itself
            await proxy.mend()
            await centre.until('it["synchronised"]', 15)
            over.set()
        assert dropped == []
        await centre.until('not it["live"]', 10)
        expected = {f"+44770090{number:04d}" for number in range(LONG)} | {
            f"+44770091{number:04d}" for number in range(SHORT)
        }
        rows = await centre.until(
            f'len([row for row in it if row["ended"]]) >= {LONG + SHORT}', 15, "calls", since=0, until=1e12
        )
        assert {row["number"] for row in rows} == expected
        assert len(rows) == LONG + SHORT
        assert [row for row in rows if row["ended"] is None] == []
        assert all(row["service"] for row in rows)
        await proxy.cut()


async def _stay(centre: Centre, caller: str, over: asyncio.Event, dropped: list[str]) -> None:
    """A call in a menu, in a queue or with an agent, that ends only when the outage is over."""

    async def until_over(phone: Phone) -> None:
        waiting = asyncio.create_task(phone.wait_until_gone())
        ending = asyncio.create_task(over.wait())
        await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if phone.gone.is_set():
            dropped.append(caller)
        waiting.cancel()
        ending.cancel()

    number = random.choice([RECEPTION, HOUSING, HIGHWAYS])
    await centre.world.call(number, presses("2", "0", then=until_over), caller=caller)


async def _come_and_go(centre: Centre, caller: str) -> None:
    """A call that begins and ends while nobody tells the daemon anything."""
    await asyncio.sleep(random.uniform(0, OUTAGE - 5))  # callers come when they like

    async def little(phone: Phone) -> None:
        await phone.stay(random.uniform(0.5, 3))

    await centre.world.call(HIGHWAYS, little, caller=caller)
