"""Can a caller reach a person: queues with members, phones and a trunk that answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ccdaemon.findings import Finding, State
from ccdaemon.model import LOADED, Service, Site
from ccdaemon.rules.status import UNAVAILABLE
from ccdaemon.topics import Trunk

QUEUES, PHONES, TRUNK = "queues", "phones", "trunk"


def queue_findings(
    site: Site, fallback: str, members: Mapping[str, Collection[str]], is_open: Collection[str]
) -> list[Finding]:
    """`members` are those of each queue that Asterisk has; `is_open` the services that are open now."""
    found = [*_of_fallback(fallback, members)]
    for service in site.services.values():
        found += _of_service(service, members, is_open=service.id in is_open)
    names = {name for service in site.services.values() for name in service.queue.names} | {fallback}
    return found or [Finding(QUEUES, State.OK, f"all {len(names)} of the site are loaded, each with a member")]


def _of_fallback(fallback: str, members: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    if fallback not in members:
        text = f"{fallback} is not loaded: whom nothing else can answer is hung up on. {_mend(fallback)}"
        yield Finding(QUEUES, State.FAULT, text, "ccdaemon.toml: asterisk.fallback_queue")


def _of_service(service: Service, members: Mapping[str, Collection[str]], *, is_open: bool) -> Iterator[Finding]:
    called, where = service.name.get("en", service.id), f"services/{service.id}.toml: queue"
    for name in service.queue.names:
        if name not in members:
            text = f"{name} is not loaded: callers to {called} would hear the fallback. {_mend(name)}"
            yield Finding(QUEUES, State.FAULT, text, where)
        elif not members[name] and name == service.queue.name:
            text = (
                f"{name} has no member: nobody can answer who calls {called}. Have an agent log in, or write a member"
            )
            yield Finding(QUEUES, State.FAULT if is_open else State.WARNING, text, LOADED)
        elif not members[name]:
            text = (
                f"{name} has no member: callers to {called} wait there in vain before they join {service.queue.name}. "
                "Have an agent log in, or take it out of the service"
            )
            yield Finding(QUEUES, State.WARNING, text, LOADED)


def _mend(queue: str) -> str:
    return f"Write [{queue}] into queues.conf, then asterisk -rx 'queue reload all'"


def phone_findings(site: Site, states: Mapping[str, str]) -> list[Finding]:
    """By Asterisk's device states. `UNAVAILABLE` is who is not registered, or does not answer."""
    missing = [
        f"{phone.extension} ({phone.service})"
        for phone in site.phones.values()
        if states.get(f"PJSIP/{phone.endpoint}", "UNKNOWN") in UNAVAILABLE
    ]
    if missing:
        text = (
            f"{len(missing)} of {len(site.phones)} are not registered, or do not answer: {', '.join(missing)}. No call "
            "rings there. asterisk -rx 'pjsip show endpoint NAME' says how each is; look at its network and password"
        )
        return [Finding(PHONES, State.FAULT, text, LOADED)]
    return [Finding(PHONES, State.OK, f"all {len(site.phones)} are registered, or in a place that is known")]


def trunk_findings(name: str, trunk: Trunk) -> list[Finding]:
    """As the daemon tells it to network monitoring."""
    if trunk["reachable"] is False:
        text = f"{name} does not answer: nobody can call in or out, not even 999. Look at the line, then at the carrier"
    elif trunk["registered"] is False:
        text = f"{name} is not registered with the carrier: nobody can call in. asterisk -rx 'pjsip show registrations'"
    elif trunk["reachable"] is None and trunk["registered"] is None:
        text = (
            f"whether {name} answers: Asterisk does not ask it. Write qualify_frequency = 30 into its aor in pjsip.conf"
        )
        return [Finding(TRUNK, State.UNSEEN, text)]
    else:
        return [Finding(TRUNK, State.OK, f"{name} answers")]
    return [Finding(TRUNK, State.FAULT, text, LOADED)]
