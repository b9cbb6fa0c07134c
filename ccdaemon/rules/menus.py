"""A caller's conversation, one step at a time: (state, outcome) to (state, action).

The edge carries out an action and comes back with its outcome, until an action says where the call goes. The same
rules answer real calls, simulate them, and are walked by the checks. A conversation always ends: every menu allows so
many tries, every conversation so many turns, and then a person answers, or, where nobody is there, a goodbye.
"""

from __future__ import annotations

from datetime import datetime

from ccdaemon.model import Language, Prompt, Service, Site
from ccdaemon.rules.hours import Opening, opening
from ccdaemon.rules.messages import REFUSED, notice
from ccdaemon.rules.recording import may_record
from ccdaemon.rules.turns import (
    Collect,
    Dialled,
    Entry,
    Fallback,
    HangUp,
    Key,
    Outcome,
    Pay,
    Play,
    Played,
    Returned,
    State,
    TakeMessage,
    Transferred,
    Turn,
    Unanswered,
    Wait,
)
from ccdaemon.ways import (
    CLOSED,
    CONNECTING,
    GOODBYE,
    HOLIDAY,
    INVALID,
    MAIN,
    NO_KEY,
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
    Way,
)

TRIES = 3  # times that a menu is said to a caller who presses nothing or something else
LANGUAGE_TRIES = 2
TURNS = 40  # prompts in one conversation, about five minutes of them
LANGUAGE_WAIT = 4.0  # seconds
ROUNDS = 3  # times that a caller may wait in the queue of one service without an answer


def begin(site: Site, entry: Entry, now: datetime) -> Turn:
    """The first thing that a caller hears."""
    match entry:
        case Dialled(number):
            service = site.service_at(number)
            state = State(service.id)
            if (last := _last_word(site, state)) is not None:
                return last
            if len(service.languages) > 1:
                return state, Collect(_said(site, state, service.welcome), LANGUAGE_WAIT)
            return _enter(site, state._replace(language=service.languages[0]), now, greeting=service.welcome)
        case Transferred() | Returned() | Unanswered():
            service = site.services[entry.service]
            language = entry.language if entry.language in service.languages else _only(service.languages)
            state = State(service.id, MAIN, language, announced=entry.announced, sealed=entry.sealed)
            if isinstance(entry, Returned):  # whoever came while we were open is not sent away now
                return _queue(site, state)
            if opening(site, service, now) is not Opening.OPEN:
                return _enter(site, state, now)
            if isinstance(entry, Transferred):
                return _queue(site, state)
            if entry.rounds >= ROUNDS:
                return state, Fallback(language)
            return _menu(site, state, UNANSWERED)


def step(site: Site, state: State, outcome: Outcome, now: datetime) -> Turn:
    """What follows from what the caller did."""
    state = state._replace(turns=state.turns + 1)
    match outcome:
        case Played(whole):
            return _played(site, state, now, whole=whole)
        case _ if state.menu is None:
            return _language(site, state, outcome, now)
        case Key(key) if key in (keys := _current(site, state).keys):
            return _go(site, state._replace(tries=1), keys[key], now)
        case _:
            return _again(site, state, INVALID if isinstance(outcome, Key) else NO_KEY, now)


# --- the steps -------------------------------------------------------------------------------------------------------


def _language(site: Site, state: State, outcome: Outcome, now: datetime) -> Turn:
    service = site.services[state.service]
    chosen = {str(number): language for number, language in enumerate(service.languages, 1)}
    match outcome:
        case Key(key) if key in chosen:
            return _enter(site, state._replace(language=chosen[key]), now)
        case _ if state.tries < LANGUAGE_TRIES:
            welcome = _said(site, state, service.welcome)
            return state._replace(tries=state.tries + 1), Collect(welcome, LANGUAGE_WAIT)
        case _ if opening(site, service, now) is Opening.OPEN and MAIN in service.menus:
            # A person is better than a menu in two languages at once.
            return _straight(site, state._replace(tries=1), service.menus[MAIN].otherwise, now)
        case _:
            return _enter(site, state, now)


def _enter(site: Site, state: State, now: datetime, greeting: str | None = None) -> Turn:
    """Come to a service: what is urgent first, then its main menu, or what is to be done while it is closed."""
    service = site.services[state.service]
    state = state._replace(trail=(), tries=1)
    if (last := _last_word(site, state)) is not None:
        return last
    match opening(site, service, now):
        case Opening.OPEN if MAIN not in service.menus:
            return _straight(site, state, ToQueue(), now, greeting)
        case Opening.OPEN:
            door = MAIN
        case Opening.BANK_HOLIDAY if HOLIDAY in service.menus:
            door = HOLIDAY
        case _:
            door = CLOSED
    return _menu(site, state, door, greeting, service.emergency)


def _last_word(site: Site, state: State) -> Turn | None:
    """All that is said on a line that was closed with a message, as when the building is evacuated."""
    ruling = site.rulings.get(state.service)
    if ruling is None or ruling.message is None:
        return None
    return state._replace(menu=MAIN, then=HangUp()), Play(_said(site, state, ruling.message))


def _straight(site: Site, state: State, way: Way, now: datetime, greeting: str | None = None) -> Turn:
    """Past the main menu; what is urgent is said all the same."""
    state = state._replace(menu=MAIN)
    before = [prompt for prompt in (greeting, site.services[state.service].emergency) if prompt]
    if before:
        return state._replace(then=way), Play(_said(site, state, *before))
    return _go(site, state, way, now)


def _menu(site: Site, state: State, name: str, *before: str | None) -> Turn:
    state = state._replace(menu=name)
    menu = _current(site, state)
    prompts = _said(site, state, *(prompt for prompt in (*before, menu.prompt) if prompt))
    if not menu.keys:  # nothing to choose: it is said once, and the call goes on
        return state._replace(then=menu.otherwise), Play(prompts)
    return state, Collect(prompts, menu.wait)


def _go(site: Site, state: State, way: Way, now: datetime) -> Turn:
    if state.turns >= TURNS:
        return _give_up(site, state)
    match way:
        case ToMenu(menu):
            return _menu(site, state._replace(trail=(*state.trail, state.menu or MAIN)), menu)
        case ToService(wanted):
            service = site.services[wanted]
            language = state.language if state.language in (None, *service.languages) else service.languages[0]
            return _enter(site, state._replace(service=wanted, language=language), now)
        case ToQueue():
            return _queue(site, state)
        case ToMessage():
            return _message(site, state)
        case Say(prompt):
            here = _current(site, state)
            return state, Collect(_said(site, state, prompt, here.prompt), here.wait)
        case Repeat():
            return _menu(site, state, state.menu or MAIN)
        case Back():
            *trail, last = state.trail or (state.menu or MAIN,)
            return _menu(site, state._replace(trail=tuple(trail)), last)
        case Farewell():
            return state._replace(then=HangUp()), Play(_said(site, state, GOODBYE))


def _again(site: Site, state: State, complaint: str, now: datetime) -> Turn:
    menu = _current(site, state)
    if state.turns >= TURNS:
        return _give_up(site, state)
    if state.tries >= TRIES:
        return _go(site, state._replace(tries=1), menu.otherwise, now)
    return state._replace(tries=state.tries + 1), Collect(_said(site, state, complaint, menu.prompt), menu.wait)


def _give_up(site: Site, state: State) -> Turn:
    """Enough was said: a person, unless this is a menu for when nobody is there, or lies behind one."""
    if not {CLOSED, HOLIDAY}.isdisjoint((state.menu, *state.trail)):
        return state._replace(then=HangUp()), Play(_said(site, state, GOODBYE))
    return _queue(site, state)


def _queue(site: Site, state: State) -> Turn:
    """To a person; past the announcement, where the service records and this caller has not heard it yet."""
    service = site.services[state.service]
    if service.id == site.payments:
        return state._replace(then=Pay(state.language)), Play(_said(site, state, CONNECTING))
    if service.records and not (state.announced or state.sealed):
        return state._replace(announcing=True), Play(_said(site, state, site.announcement))
    return state._replace(then=_wait(service, state)), Play(_said(site, state, CONNECTING))


def _message(site: Site, state: State) -> Turn:
    """To speak a message, past the notice about it; never on payments, nor on a call that nothing may record."""
    if state.sealed or state.service == site.payments:
        return _refuse_message(site, state)
    told = _said(site, state, *notice(site.retention["message"]))
    return state._replace(then=TakeMessage(state.service, state.language)), Play(told)


def _refuse_message(site: Site, state: State) -> Turn:
    return state._replace(then=HangUp()), Play(_said(site, state, REFUSED, GOODBYE))


def _played(site: Site, state: State, now: datetime, *, whole: bool) -> Turn:
    if state.announcing:
        state = state._replace(announcing=False, announced=whole)
        return state, _wait(site.services[state.service], state)
    match state.then:
        case TakeMessage() if not whole:
            return _refuse_message(site, state)
        case Wait() | Pay() | HangUp() | TakeMessage() as end:
            return state, end
        case None:
            return _queue(site, state)
        case way:
            return _go(site, state._replace(then=None), way, now)


def _wait(service: Service, state: State) -> Wait:
    return Wait(
        service.id,
        state.language,
        state.announced,
        may_record(service, announced=state.announced, sealed=state.sealed),
    )


def _current(site: Site, state: State) -> Menu:
    return site.services[state.service].menus[state.menu or MAIN]


def _said(site: Site, state: State, *prompts: str) -> tuple[Prompt, ...]:
    """The prompts in the caller's language; in each of the service's, one after the other, while none is chosen."""
    languages = (state.language,) if state.language else site.services[state.service].languages
    return tuple(Prompt(prompt, language) for language in languages for prompt in prompts)


def _only(languages: tuple[Language, ...]) -> Language | None:
    return languages[0] if len(languages) == 1 else None
