"""What somebody has to look at by a day: cases and messages that wait for an answer, and holds that may be over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NoReturn, Protocol

from ccdaemon.cases import Case
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.journal import Alarms
from ccdaemon.kept import HoldRow, Task
from ccdaemon.model import Site
from ccdaemon.rules.deadline import LONG, due, is_forgotten, is_pressing
from ccdaemon.rules.messages import is_overdue

HOUR = 3600.0  # seconds between looks


class Register(Protocol):
    async def cases(self) -> list[Case]: ...

    async def holds(self) -> list[HoldRow]: ...

    async def waiting_messages(self) -> list[Task]: ...


async def remind(
    register: Register,
    site: Callable[[], Site],
    alarms: Alarms,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> NoReturn:
    """Each hour; alarms stand until somebody has done it."""
    while True:
        now = datetime.fromtimestamp(clock(), site().timezone)
        try:
            _of_cases(await register.cases(), site(), alarms, now)
            _of_holds(await register.holds(), alarms, now.timestamp())
            _of_messages(await register.waiting_messages(), site(), alarms, now)
        except RegisterFull:  # which is an alarm of its own
            pass
        await sleep(HOUR)


def _of_cases(cases: Sequence[Case], site: Site, alarms: Alarms, now: datetime) -> None:
    pressing = [case for case in cases if is_pressing(case, site.bank_holidays, now.date())]
    days = [last for case in pressing if (last := due(case, site.bank_holidays)) is not None]
    forgotten = sum(is_forgotten(case, now.date()) for case in cases)
    said = []
    if days:
        said.append(
            f"{len(days)} of those who asked what is kept of them wait for an answer, the first until {min(days)}"
        )
    if forgotten:
        said.append(f"the clock of {forgotten} cases has stood still for more than {LONG} days")
    if said:
        alarms.raise_("cases", f"{'; '.join(said)}: `ccdaemon subject cases`")
    else:
        alarms.clear("cases")


def _of_holds(holds: Sequence[HoldRow], alarms: Alarms, now: float) -> None:
    over = [hold for hold in holds if hold.released is None and hold.review is not None and hold.review < now]
    if over:
        text = f"{len(over)} holds are past the day on which somebody asks whether they are needed still"
        alarms.raise_("holds", f"{text}: `ccdaemon holds`")
    else:
        alarms.clear("holds")


def _of_messages(tasks: Sequence[Task], site: Site, alarms: Alarms, now: datetime) -> None:
    overdue = [task for task in tasks if is_overdue(task, site, now)]
    if overdue:
        services = ", ".join(sorted({task.service for task in overdue}))
        text = f"{len(overdue)} callers' messages have waited for more than {site.messages.overdue} working days"
        alarms.raise_("messages", f"{text} ({services}): `ccdaemon messages`")
    else:
        alarms.clear("messages")
