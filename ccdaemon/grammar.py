"""The small grammars inside a site's TOML files: ways, spans, numbers, names."""

from __future__ import annotations

import re
import sys
from datetime import date, time
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationInfo,
)

from ccdaemon.kept import Keep
from ccdaemon.model import Language, Span
from ccdaemon.rules.numbers import e164, is_country
from ccdaemon.ways import Back, Farewell, Repeat, Say, ToMenu, ToMessage, ToQueue, ToService, Way

EMERGENCY = ("101", "112", "999")  # as cc-internal has them
WAYS: dict[str, type[Any]] = {
    "menu": ToMenu,
    "service": ToService,
    "say": Say,
    "queue": ToQueue,
    "message": ToMessage,
    "repeat": Repeat,
    "back": Back,
    "goodbye": Farewell,
}


def _formed(pattern: str, words: str, *, secret: bool = False) -> AfterValidator:
    """A text of this form. Who reads the fault is told in words, with an example; not what stands there if `secret`."""

    def check(written: str) -> str:
        if re.fullmatch(pattern, written) is None:
            message = f"{'this' if secret else repr(written)} is not {words}"
            raise ValueError(message)
        return written

    return AfterValidator(check)


def _way(written: object) -> Way:
    verb, _, name = str(written).partition(" ")
    kind = WAYS.get(verb)
    if kind is None or bool(name) != (kind in (ToMenu, ToService, Say)):
        message = (
            f"{written!r} leads nowhere; write 'menu NAME', 'service NAME', 'say PROMPT', 'queue', 'message', "
            "'repeat', 'back' or 'goodbye'"
        )
        raise ValueError(message)
    return kind(name) if name else kind()  # type: ignore[no-any-return]  # a class is called that is known by its name only


def _span(written: object) -> Span:
    clock = r"([01]\d|2[0-3]):([0-5]\d)"
    found = re.fullmatch(rf"{clock}-(?:24:00|{clock})", str(written))
    if found is None:
        message = f"{written!r} is no span of a day; write for example '09:00-17:00' (until midnight: '24:00')"
        raise ValueError(message)
    start_hour, start_minute, *end = found.groups()
    until = time(int(end[0]), int(end[1])) if end[0] else time.max
    return Span(time(int(start_hour), int(start_minute)), until)


def _clock(written: object) -> time:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", str(written))
    if found is None:
        message = f"{written!r} is no time of day; write for example '03:00'"
        raise ValueError(message)
    return time(int(found[1]), int(found[2]))


def _number(written: object, info: ValidationInfo) -> str:
    country = (info.context or {}).get("country", "GB")
    if (number := e164(str(written), country)) is None:
        message = f"{written!r} is no telephone number; write it as you dial it, or as +44..."
        raise ValueError(message)
    return number


def _queue_name(written: str) -> str:
    if written == "general":
        message = "no queue can be called 'general': that is a section of queues.conf for Asterisk itself"
        raise ValueError(message)
    return written


def _extension(written: str) -> str:
    if written.startswith("0") or written in EMERGENCY:
        message = (
            f"{written} is no extension: phones call the outside with a first 0, and {', '.join(EMERGENCY)} for help"
        )
        raise ValueError(message)
    return written


def _zone(written: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(written))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, as 'Europe'
        message = f"{written!r} is no time zone; write for example 'Europe/London'"
        raise ValueError(message) from None


def _country(written: str) -> str:
    if not is_country(written):
        message = f"{written!r} is no country; write its two letters as in ISO 3166, for example 'GB'"
        raise ValueError(message)
    return written


def _known_bank_holidays(written: str) -> str:
    try:
        bank_holidays(written)
    except NotImplementedError:
        message = f"no bank holidays are known for {written!r}; write for example 'GB-WLS'"
        raise ValueError(message) from None
    return written


def bank_holidays(written: str) -> holidays.HolidayBase:
    # The package of countries imports all of them for the sake of one: 0.1 s of every start. No country needs another
    # by way of it, so it may stay empty.
    if "holidays.countries" not in sys.modules and (spec := find_spec("holidays.countries")) is not None:
        sys.modules["holidays.countries"] = module_from_spec(spec)
    country, _, part = written.partition("-")
    return holidays.country_holidays(country, subdiv=part or None)


def _place(written: Path) -> Path:
    if not written.is_absolute() or re.fullmatch(r"[\w./@+-]+", str(written)) is None:
        message = (
            f"{str(written)!r} cannot stand in a dialplan: write the whole path, of letters and digits, without blanks "
            "and other signs than . _ - + @"
        )
        raise ValueError(message)
    return written


def _languages(written: tuple[Language, ...]) -> tuple[Language, ...]:
    if not 1 <= len(written) <= 9 or len(set(written)) < len(written):  # noqa: PLR2004 - keys 1 to 9
        message = "name one to nine languages, none of them twice: each has a key of its own"
        raise ValueError(message)
    return written


def _date_form(written: str) -> str:
    left = re.sub("%[YmdHMSb]", "", written)
    if "%" in left or not all(each in written for each in ("%Y", "%d")) or not ("%m" in written or "%b" in written):
        message = f"{written!r} is no date; write it of %Y, %m or %b, %d, %H, %M and %S, for example '%Y-%m-%d'"
        raise ValueError(message)
    return written


def _keep(written: object) -> Keep:
    found = re.fullmatch(r"([1-9]\d{0,2}|[1-9]\d{3}(?= days)) (month|day)s?", str(written))
    if found is None:
        message = f"{written!r} says not for how long; write for example '12 months' or '14 days', at least '1 day'"
        raise ValueError(message)
    number = int(found[1])
    return Keep(months=number) if found[2] == "month" else Keep(days=number)


WORD = r"[a-z][a-z0-9-]{0,39}"
WORD_IS = "small letters, digits and hyphens, a letter first, 40 at most"
Word = Annotated[str, _formed(WORD, WORD_IS)]
QueueName = Annotated[Word, AfterValidator(_queue_name)]
Extension = Annotated[str, _formed(r"[0-9]{2,8}", "2 to 8 digits"), AfterValidator(_extension)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=7200, strict=True)]
Penalty = Annotated[int, Field(ge=0, le=100, strict=True)]
Times = Annotated[int, Field(ge=1, le=100, strict=True)]
Reason = Annotated[str, _formed(r"[1-9][0-9]?", "a number from 1 to 99, as it is dialled after *46")]
YesNo = Annotated[bool, Field(strict=True)]
Day = Annotated[date, Field(strict=True)]
KeyName = Annotated[str, _formed(r"[0-9*#]", "one key of a telephone: 0 to 9, * or #")]
WrittenWay = Annotated[Way, PlainValidator(_way)]
WrittenSpan = Annotated[Span, PlainValidator(_span)]
DateForm = Annotated[str, AfterValidator(_date_form)]
Clock = Annotated[time, PlainValidator(_clock)]
WrittenKeep = Annotated[Keep, PlainValidator(_keep)]
Number = Annotated[str, BeforeValidator(_number)]
Endpoint = Annotated[  # a first _ would begin a pattern
    str,
    _formed(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "the name of an endpoint: letters, digits, . _ -, a letter or digit first"),
]
Host = Annotated[
    str,
    _formed(
        r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", "a host's name or address"
    ),
]
Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
Place = Annotated[Path, AfterValidator(_place)]
Country = Annotated[
    str, _formed(r"[A-Z]{2}", "a country's two letters as in ISO 3166, as 'GB'"), AfterValidator(_country)
]
BankHolidays = Annotated[
    str,
    _formed(r"[A-Z]{2}(-[A-Z]{2,3})?", "a country, or a part of one, in the letters of ISO 3166, as 'GB-WLS'"),
    AfterValidator(_known_bank_holidays),
]
Languages = Annotated[
    tuple[Annotated[Language, _formed(r"[a-z]{2,3}(_[A-Z]{2})?", "a language's letters as in ISO 639, as 'cy'")], ...],
    AfterValidator(_languages),
]
Key = Annotated[str, _formed(r"[0-9]{1,8}", "a number of 1 to 8 digits, in quotes")]
PinHash = Annotated[
    str,
    _formed(
        r"scrypt\$(1024|2048|4096|8192|16384|32768|65536|131072)\$8\$1\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=",
        "the hash of a PIN: `ccdaemon supervisors pin` makes one",
        secret=True,  # it may be the PIN itself
    ),
]
PromptName = Annotated[str, _formed(r"[a-z0-9-]+(/[a-z0-9-]+)?", "small letters, digits and hyphens")]  # a file's, too
PROMPTS = TypeAdapter(dict[PromptName, dict[Language, str]])  # a file of the catalogue
PROMPT_NUMBER = TypeAdapter(Annotated[int, Field(ge=1, le=999_999, strict=True)])  # as it is dialled after *29
