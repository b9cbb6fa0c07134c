"""Does a configuration make sense? Every way in which it does not, all at once.

Each fault names file, key path and what to do. The promises checked here are the callers': every menu can be reached
and left, nobody goes round in circles without a person, and what exists in one language exists in the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date

from ccdaemon.model import WEEKDAYS, Catalogue, Fault, Language, Prompt, Service, Site, Span
from ccdaemon.rules.hours import ROUND_THE_CLOCK, overlapping
from ccdaemon.rules.retention import due
from ccdaemon.ways import (
    CLOSED,
    COMMON_PROMPTS,
    HOLIDAY,
    MAIN,
    UNANSWERED,
    Back,
    Farewell,
    Menu,
    Repeat,
    Say,
    ToMenu,
    ToQueue,
    ToService,
)

ENTRANCES = (MAIN, CLOSED, HOLIDAY, UNANSWERED)
NEXT_AGENT = "next-agent-speaks-english"
DIALPLAN_PROMPTS = (
    "hold",
    "nobody-available",
    NEXT_AGENT,
    "payment-wait",
    "payment-refused",
    "payment-refused-person",
    "payment-refused-agent",
    "payment-sealed",
    "payment-not-sealed",
    "recording-not-resumed",
    "meeting-refused",
    "nobody-parked",
)

# "press 1", "pwyswch 1": how a prompt tells of a key in each language that we can read.
_TOLD = {
    "cy": re.compile(r"\bpwyswch (?:y )?(\d|seren|stwnsh)\b", re.IGNORECASE),
    "en": re.compile(r"\bpress (?:the )?(\d|star|hash)\b", re.IGNORECASE),
}
_SIGNS = {"seren": "*", "star": "*", "stwnsh": "#", "hash": "#"}


def soundness(
    site: Site, catalogue: Catalogue, may_record: Collection[str], unread: Collection[str] = ()
) -> list[Fault]:
    """All faults of a site, given the texts of its prompts and the services on which recording is allowed.

    `unread` are services whose files have faults of their own, so that they are not in the site: who leads there is
    right all the same.
    """
    named = {*site.services, *unread}
    found = [*_site(site, catalogue, may_record, named), *_kept_together(site)]
    for service in site.services.values():
        found += _service(site, service, catalogue, may_record)
        shut = _closure({CLOSED, HOLIDAY}, service)
        for name, menu in service.menus.items():
            found += _menu(service, name, menu, catalogue, named, is_shut=name in shut)
        found += _ways(site, service)
    return found


def _kept_together(site: Site) -> Iterator[Fault]:
    """Recordings and transcripts are found by who called: for those who ask what is kept of them too."""
    day = date(2026, 1, 31)
    for kind in ("recording", "transcript"):
        if due(day, site.retention[kind]) > due(day, site.retention["call"]):
            text = f"must be as long as that of a {kind}: nobody could find it any more by who called"
            yield Fault("ccdaemon.toml", "retention.call", text)


def told(text: str, language: Language) -> set[str] | None:
    """The keys that a prompt's text tells of; None in a language whose word for pressing we do not know."""
    pattern = _TOLD.get(language)
    if pattern is None:
        return None
    return {_SIGNS.get(word.lower(), word) for word in pattern.findall(text)}


def sound_files(site: Site, catalogue: Catalogue) -> list[str]:
    """The sounds that callers of this site may hear, in A-law, below the folder of sounds."""
    return [
        f"{Prompt(prompt, language).sound}.alaw"
        for prompt, texts in sorted(catalogue.items())
        for language in site.languages
        if language in texts
    ]


# --- the site --------------------------------------------------------------------------------------------------------


def _site(site: Site, catalogue: Catalogue, may_record: Collection[str], services: Collection[str]) -> Iterator[Fault]:
    main = "ccdaemon.toml"
    if not services:
        yield Fault(main, "services", "there is no service: put one file for each into the folder services/")
        return
    wanted = [("site.general", site.general), ("site.payments", site.payments)]
    for key, name in [*wanted, *(("recording.allowed_services", name) for name in may_record)]:
        if name not in services:
            yield Fault(main, key, f"there is no services/{name}.toml")
    if site.payments in may_record:
        yield Fault(main, "recording.allowed_services", f"the payments service {site.payments!r} is never recorded")
    for prompt in (*COMMON_PROMPTS, *DIALPLAN_PROMPTS, site.announcement):
        yield from _prompt(main, "site.languages", prompt, site.languages, catalogue)
    yield from _twice(site)
    for phone in site.phones.values():
        key = f"phones.{phone.extension}.service"
        if phone.service not in services:
            yield Fault(main, key, f"there is no services/{phone.service}.toml")
        elif phone.service in site.services and not site.services[phone.service].numbers:
            yield Fault(main, key, f"{phone.service!r} has no number that this phone could show to the outside")


def _twice(site: Site) -> Iterator[Fault]:
    """Numbers and extensions that would reach two. Each fault stands at the later one and names the earlier."""
    numbers: dict[str, str] = {}
    extensions = {extension: f"ccdaemon.toml phones.{extension}" for extension in site.phones}
    for service in site.services.values():
        for index, number in enumerate(service.numbers):
            if number in numbers:
                yield Fault(_file(service), f"numbers.{index}", f"{number} reaches {numbers[number]} already")
            numbers.setdefault(number, _file(service))
        if service.extension in extensions:
            text = f"{service.extension} reaches {extensions[service.extension]} already"
            yield Fault(_file(service), "extension", text)
        extensions.setdefault(service.extension, _file(service))


def _service(site: Site, service: Service, catalogue: Catalogue, may_record: Collection[str]) -> Iterator[Fault]:
    file = _file(service)
    if service.records and service.id not in may_record:
        text = (
            "calls of this service may not be recorded: set false, or add it to recording.allowed_services on purpose"
        )
        yield Fault(file, "records", text)
    for language in service.languages:
        if language not in site.languages:
            yield Fault(file, "languages", f"{language!r} is none of the site's languages (ccdaemon.toml [site])")
        elif language not in service.name:
            yield Fault(file, f"name.{language}", "is missing: callers and reports use the name in each language")
    for language in service.queue.by_language:
        if language not in service.languages:
            yield Fault(file, f"queue.languages.{language}", "nobody can choose this language here")
    for weekday, spans in service.hours.week.items():
        for one, other in overlapping(spans):
            twisted = one.end <= one.start
            text = f"{_written(one)} ends first" if twisted else f"{_written(one)} and {_written(other)} overlap"
            yield Fault(file, f"hours.{WEEKDAYS[weekday]}", text)
    if CLOSED not in service.menus and not _never_closed(service):
        yield Fault(
            file, f"menus.{CLOSED}", "is missing: what callers hear when the service is closed, and can do then"
        )
    if UNANSWERED not in service.menus:
        yield Fault(file, f"menus.{UNANSWERED}", "is missing: what callers hear whom nobody answered")
    yield from _prompt(file, "welcome", service.welcome, service.languages, catalogue)
    if len(service.languages) > 1:
        for number, language in enumerate(service.languages, 1):
            text = catalogue.get(service.welcome, {}).get(language, "")
            if text and told(text, language) not in (None, {str(number)}):
                yield Fault(
                    file, "welcome", f"the {language!r} text of {service.welcome!r} must tell of key {number} only"
                )
    if service.emergency is not None:
        yield from _prompt(file, "emergency", service.emergency, service.languages, catalogue)


# --- its menus -------------------------------------------------------------------------------------------------------


def _menu(
    service: Service, name: str, menu: Menu, catalogue: Catalogue, services: Collection[str], *, is_shut: bool
) -> Iterator[Fault]:
    """`is_shut` of a menu that callers may be at while the service is closed."""
    file, key = _file(service), f"menus.{name}"
    yield from _prompt(file, f"{key}.prompt", menu.prompt, service.languages, catalogue)
    for language in service.languages:
        said = told(catalogue.get(menu.prompt, {}).get(language, ""), language)
        if said is None or menu.prompt not in catalogue or language not in catalogue[menu.prompt]:
            continue
        for pressed in sorted(said - menu.keys.keys()):
            text = f"the {language!r} text of {menu.prompt!r} tells of key {pressed}, which leads nowhere"
            yield Fault(file, f"{key}.keys.{pressed}", text)
        for pressed in sorted(menu.keys.keys() - said):
            text = f"the {language!r} text of {menu.prompt!r} does not tell of key {pressed}"
            yield Fault(file, f"{key}.keys.{pressed}", text)
    for pressed, way in [*menu.keys.items(), ("otherwise", menu.otherwise)]:
        at = f"{key}.keys.{pressed}" if pressed != "otherwise" else f"{key}.otherwise"
        match way:
            case ToMenu(wanted) if wanted not in service.menus:
                yield Fault(file, at, f"there is no [menus.{wanted}] in this file")
            case ToService(wanted) if wanted not in services:
                yield Fault(file, at, f"there is no services/{wanted}.toml")
            case ToService(wanted) if wanted == service.id:
                yield Fault(file, at, "leads to the service where the caller is; write 'menu main' or 'repeat'")
            case Say(prompt):
                yield from _prompt(file, at, prompt, service.languages, catalogue)
            case ToQueue() if is_shut:
                yield Fault(file, at, "leads to a queue in which nobody answers while the service is closed")
            case Repeat() | Back() | Say() if pressed == "otherwise":
                yield Fault(file, at, "would go round for ever; write where a caller goes who presses nothing")


def _ways(site: Site, service: Service) -> Iterator[Fault]:
    """Menus that nobody can reach, and menus from which nobody gets to a person or to a goodbye."""
    file = _file(service)
    reached, shut = _closure(ENTRANCES, service), _closure({CLOSED, HOLIDAY}, service)
    for name in sorted(service.menus.keys() - reached):
        yield Fault(file, f"menus.{name}", "no key leads here: let one, or take the menu out")
    for name in service.menus:
        onward = [service.menus[each] for each in _closure({name}, service)]
        ways = [way for each in onward for way in (*each.keys.values(), each.otherwise)]
        goodbye_is_enough = name in {UNANSWERED, *shut} and Farewell() in ways
        if not goodbye_is_enough and not any(isinstance(way, ToQueue | ToService) for way in ways):
            yield Fault(file, f"menus.{name}", "no key leads to a person from here; add for example 0 = 'queue'")
        if _goes_round(site, service, name):
            yield Fault(file, f"menus.{name}.otherwise", "who presses nothing goes round for ever: end with 'queue'")


def _closure(names: Iterable[str], service: Service) -> set[str]:
    """These menus and all that keys lead to from them."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in service.menus:
            continue
        found.add(name)
        menu = service.menus[name]
        waiting += [way.menu for way in (*menu.keys.values(), menu.otherwise) if isinstance(way, ToMenu)]
    return found


def _goes_round(site: Site, service: Service, menu: str) -> bool:
    """Does a caller who never presses a key come to the same menu again? Who is at a closed door finds more of them."""
    doors = {HOLIDAY: (HOLIDAY, CLOSED), CLOSED: (CLOSED,)}.get(menu, ())
    seen: set[tuple[str, str]] = set()
    while (service.id, menu) not in seen:
        seen.add((service.id, menu))
        if menu not in service.menus:
            return False
        match service.menus[menu].otherwise:
            case ToMenu(wanted):
                menu = wanted
            case ToService(wanted) if wanted in site.services:
                service = site.services[wanted]
                shut = () if _never_closed(service) else doors
                menu = next((door for door in shut if door in service.menus), MAIN)
            case _:
                return False
    return True


# --- words -----------------------------------------------------------------------------------------------------------


def _prompt(file: str, key: str, prompt: str, languages: Collection[Language], catalogue: Catalogue) -> Iterator[Fault]:
    texts = catalogue.get(prompt)
    if texts is None:
        yield Fault(file, key, f"there is no prompt {prompt!r} in the catalogue: add it to prompts/*.toml")
        return
    for language in languages:
        if not texts.get(language, "").strip():
            others = ", ".join(sorted(texts)) or "no language"
            yield Fault(
                file, key, f"prompt {prompt!r} has no text in {language!r}, only in {others}: callers must hear both"
            )


def _file(service: Service) -> str:
    return f"services/{service.id}.toml"


def _written(span: Span) -> str:
    return f"{span.start:%H:%M}-{span.end:%H:%M}"


def _never_closed(service: Service) -> bool:
    hours = service.hours
    whole_week = all(spans == (ROUND_THE_CLOCK,) for spans in hours.week.values())
    return whole_week and hours.on_bank_holidays and not hours.closures
