"""The tables of `services/NAME.toml`: a line of the council."""

from __future__ import annotations

from datetime import time

from pydantic import Field

from ccdaemon.grammar import (
    Day,
    Extension,
    KeyName,
    Languages,
    Number,
    QueueName,
    Seconds,
    Word,
    WrittenSpan,
    WrittenWay,
    YesNo,
)
from ccdaemon.model import WEEKDAYS, Hours, Language, Span
from ccdaemon.tables import Table
from ccdaemon.ways import CLOSED, HOLIDAY, UNANSWERED, Farewell, Menu, ToQueue


class QueueTable(Table):
    name: QueueName
    wait: Seconds = 900
    languages: dict[Language, QueueName] = Field(default_factory=dict)
    language_wait: Seconds = 45
    answer_within: Seconds = 20
    wrap_up: Seconds | None = None


class HoursTable(Table):
    always: YesNo = False
    monday: tuple[WrittenSpan, ...] = ()
    tuesday: tuple[WrittenSpan, ...] = ()
    wednesday: tuple[WrittenSpan, ...] = ()
    thursday: tuple[WrittenSpan, ...] = ()
    friday: tuple[WrittenSpan, ...] = ()
    saturday: tuple[WrittenSpan, ...] = ()
    sunday: tuple[WrittenSpan, ...] = ()
    open_on_bank_holidays: YesNo = False
    closed_on: frozenset[Day] = frozenset()

    def hours(self) -> Hours:
        if self.always:
            whole_day = (Span(time.min, time.max),)
            return Hours(dict.fromkeys(range(7), whole_day), on_bank_holidays=True, closures=self.closed_on)
        week = {number: getattr(self, name) for number, name in enumerate(WEEKDAYS)}
        return Hours(week, self.open_on_bank_holidays, self.closed_on)


class MenuTable(Table):
    prompt: Word
    keys: dict[KeyName, WrittenWay] = Field(default_factory=dict)
    otherwise: WrittenWay | None = None
    wait: Seconds = 5

    def menu(self, name: str) -> Menu:
        nobody_there = name in (CLOSED, HOLIDAY, UNANSWERED)
        return Menu(self.prompt, self.keys, self.otherwise or (Farewell() if nobody_there else ToQueue()), self.wait)


class ServiceTable(Table):
    name: dict[Language, str]
    numbers: tuple[Number, ...]
    extension: Extension
    languages: Languages | None = None
    records: YesNo = False
    welcome: Word | None = None
    emergency: Word | None = None
    queue: QueueTable
    hours: HoursTable
    menus: dict[Word, MenuTable]
