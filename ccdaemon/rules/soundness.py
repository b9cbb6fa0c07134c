"""Does a configuration make sense? Every way in which it does not, all at once.

Each fault names file, key path and what to do. The promises checked here are the callers': every menu can be reached
and left, nobody goes round in circles without a person, and what exists in one language exists in the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from ccdaemon.model import WEEKDAYS, Catalogue, Fault, Prompt, Service, Site, Span
from ccdaemon.rules.handset.soundness import handset_faults
from ccdaemon.rules.hours import overlapping
from ccdaemon.rules.reaching import never_closed, reach_faults
from ccdaemon.rules.retention import due
from ccdaemon.rules.wording import ON_THEIR_WORDS, file_of, prompt_faults, told
from ccdaemon.ways import CLOSED, COMMON_PROMPTS, UNANSWERED

NEXT_AGENT = "next-agent-speaks-english"
DIALPLAN_PROMPTS = (
    "hold",
    "nobody-available",
    NEXT_AGENT,
    *ON_THEIR_WORDS,
    "meeting-refused",
    "nobody-parked",
)


def soundness(
    site: Site, catalogue: Catalogue, may_record: Collection[str], unread: Collection[str] = ()
) -> list[Fault]:
    """All faults of a site, given the texts of its prompts and the services on which recording is allowed.

    `unread` are services whose files have faults of their own, so that they are not in the site: who leads there is
    right all the same.
    """
    named = {*site.services, *unread}
    found = [*_site(site, catalogue, may_record, named), *_kept_together(site), *handset_faults(site, catalogue, named)]
    for service in site.services.values():
        found += _service(site, service, catalogue, may_record)
        found += reach_faults(site, service, catalogue, named)
    return found


def _kept_together(site: Site) -> Iterator[Fault]:
    """Recordings and transcripts are found by who called: for those who ask what is kept of them too."""
    day = date(2026, 1, 31)
    for kind in ("recording", "message", "comment", "transcript"):
        if due(day, site.retention[kind]) > due(day, site.retention["call"]):
            text = f"must be as long as that of a {kind}: nobody could find it any more by who called"
            yield Fault("ccdaemon.toml", "retention.call", text)


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
        yield from prompt_faults(main, "site.languages", prompt, site.languages, catalogue)
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
                yield Fault(file_of(service), f"numbers.{index}", f"{number} reaches {numbers[number]} already")
            numbers.setdefault(number, file_of(service))
        if service.extension in extensions:
            text = f"{service.extension} reaches {extensions[service.extension]} already"
            yield Fault(file_of(service), "extension", text)
        extensions.setdefault(service.extension, file_of(service))


def _service(site: Site, service: Service, catalogue: Catalogue, may_record: Collection[str]) -> Iterator[Fault]:
    file = file_of(service)
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
    if CLOSED not in service.menus and not never_closed(service):
        yield Fault(
            file, f"menus.{CLOSED}", "is missing: what callers hear when the service is closed, and can do then"
        )
    if UNANSWERED not in service.menus:
        yield Fault(file, f"menus.{UNANSWERED}", "is missing: what callers hear whom nobody answered")
    yield from prompt_faults(file, "welcome", service.welcome, service.languages, catalogue)
    if len(service.languages) > 1:
        for number, language in enumerate(service.languages, 1):
            text = catalogue.get(service.welcome, {}).get(language, "")
            if text and told(text, language) not in (None, {str(number)}):
                yield Fault(
                    file, "welcome", f"the {language!r} text of {service.welcome!r} must tell of key {number} only"
                )
    if service.emergency is not None:
        yield from prompt_faults(file, "emergency", service.emergency, service.languages, catalogue)


def _written(span: Span) -> str:
    return f"{span.start:%H:%M}-{span.end:%H:%M}"
