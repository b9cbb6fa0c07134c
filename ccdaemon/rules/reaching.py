"""Do the menus of a service lead somewhere? Every menu can be reached and left, and nobody goes round in circles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ccdaemon.model import Catalogue, Fault, Service, Site
from ccdaemon.rules.hours import ROUND_THE_CLOCK
from ccdaemon.rules.messages import prompts_of_messages
from ccdaemon.rules.wording import file_of, prompt_faults, told
from ccdaemon.ways import (
    CLOSED,
    HOLIDAY,
    MAIN,
    UNANSWERED,
    Back,
    Farewell,
    Menu,
    Repeat,
    Say,
    ToMenu,
    ToMessage,
    ToQueue,
    ToService,
)

ENTRANCES = (MAIN, CLOSED, HOLIDAY, UNANSWERED)


def reach_faults(site: Site, service: Service, catalogue: Catalogue, services: Collection[str]) -> Iterator[Fault]:
    """All that is wrong with the menus of a service; `services` are those to which a key may lead."""
    shut = _closure({CLOSED, HOLIDAY}, service)
    for name, menu in service.menus.items():
        yield from _menu(service, name, menu, catalogue, services, is_shut=name in shut)
    yield from _messages(site, service, catalogue)
    yield from _ways(site, service)


def never_closed(service: Service) -> bool:
    """Is it open at any time, on bank holidays too?"""
    hours = service.hours
    whole_week = all(spans == (ROUND_THE_CLOCK,) for spans in hours.week.values())
    return whole_week and hours.on_bank_holidays and not hours.closures


def _menu(
    service: Service, name: str, menu: Menu, catalogue: Catalogue, services: Collection[str], *, is_shut: bool
) -> Iterator[Fault]:
    """`is_shut` of a menu that callers may be at while the service is closed."""
    file, key = file_of(service), f"menus.{name}"
    yield from prompt_faults(file, f"{key}.prompt", menu.prompt, service.languages, catalogue)
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
                yield from prompt_faults(file, at, prompt, service.languages, catalogue)
            case ToQueue() if is_shut:
                yield Fault(file, at, "leads to a queue in which nobody answers while the service is closed")
            case Repeat() | Back() | Say() if pressed == "otherwise":
                yield Fault(file, at, "would go round for ever; write where a caller goes who presses nothing")


def offers_messages(service: Service) -> bool:
    """Does a key lead to leaving a message?"""
    return any(ToMessage() in (*menu.keys.values(), menu.otherwise) for menu in service.menus.values())


def _messages(site: Site, service: Service, catalogue: Catalogue) -> Iterator[Fault]:
    """Messages are for when nobody is there, and for no line on which people say the number of their card."""
    file, open_ = file_of(service), _closure({MAIN}, service)
    for name, menu in service.menus.items():
        for pressed, way in [*menu.keys.items(), ("otherwise", menu.otherwise)]:
            at = f"menus.{name}.otherwise" if pressed == "otherwise" else f"menus.{name}.keys.{pressed}"
            if way == ToMessage() and service.id == site.payments:
                yield Fault(file, at, "takes a message: nothing is ever recorded on the payments line")
            elif way == ToMessage() and name in open_:
                text = "takes a message though people are there: only menus closed, holiday and unanswered may"
                yield Fault(file, at, f"{text}, and those behind them")
    if offers_messages(service):
        for prompt in prompts_of_messages(site.retention["message"]):
            yield from prompt_faults(file, "menus", prompt, service.languages, catalogue)


def _ways(site: Site, service: Service) -> Iterator[Fault]:
    """Menus that nobody can reach, and menus from which nobody gets to a person or to a goodbye."""
    file = file_of(service)
    reached, shut = _closure(ENTRANCES, service), _closure({CLOSED, HOLIDAY}, service)
    for name in sorted(service.menus.keys() - reached):
        yield Fault(file, f"menus.{name}", "no key leads here: let one, or take the menu out")
    for name in service.menus:
        onward = [service.menus[each] for each in _closure({name}, service)]
        ways = [way for each in onward for way in (*each.keys.values(), each.otherwise)]
        goodbye_is_enough = name in {UNANSWERED, *shut} and (Farewell() in ways or ToMessage() in ways)
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
                shut = () if never_closed(service) else doors
                menu = next((door for door in shut if door in service.menus), MAIN)
            case _:
                return False
    return True
