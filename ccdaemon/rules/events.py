"""The events of Asterisk that are read, and whether manager.conf keeps any of them from us.

Source: the Asterisk documentation on AMI; `eventfilter` and `disabledevents` in its sample of manager.conf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ccdaemon.model import Fault, Setting, Site

UNANSWERED = "AgentRingNoAnswer"
_CALLS = "the daemon would not know which calls there are"
_BRIDGES = "nothing would stop a recorder that somebody brings to a payment past the door"
_TRANSFERS = "no transfer would stand in the register"
_WAITING = "queues would be known wrongly"
_MEMBERS = "agents would be known wrongly"
_RECORDERS = "recorders would be known wrongly"
READ = {  # what is wrong without it
    "Newchannel": _CALLS,
    "Hangup": _CALLS,
    "BridgeEnter": _BRIDGES,
    "BridgeLeave": _BRIDGES,
    "BlindTransfer": _TRANSFERS,
    "AttendedTransfer": _TRANSFERS,
    "QueueCallerJoin": _WAITING,
    "QueueCallerLeave": _WAITING,
    "QueueCallerAbandon": _WAITING,
    "AgentConnect": _WAITING,
    UNANSWERED: "nobody would be paused who lets calls ring",
    "MixMonitorStart": _RECORDERS,
    "MixMonitorStop": _RECORDERS,
    "ChanSpyStart": "nobody who listens would be written down, nor thrown out where that leads past the door",
    "QueueMemberStatus": _MEMBERS,
    "QueueMemberPause": _MEMBERS,
    "QueueMemberAdded": _MEMBERS,
    "QueueMemberRemoved": _MEMBERS,
    "UserEvent": "the payments door would hear nobody knock, and open for nobody",
}
_BY_NAME = re.compile(r"eventfilter\(.*\bname\((\w+)\)", re.IGNORECASE)


def event_faults(us: str, site: Site, settings: Iterable[Setting]) -> Iterator[Fault]:
    """Every one that is read and does not come. `us` is our own user; one without filters is told everything.

    Filters by pattern, as they were before Asterisk had those by name, are left to whoever wrote them.
    """
    needed = {name: else_ for name, else_ in READ.items() if site.agents or name != UNANSWERED}
    settings = list(settings)
    for each in settings:
        if (each.section, each.key.lower()) == ("general", "disabledevents"):
            for name in sorted({name.strip() for name in each.value.split(",")} & needed.keys()):
                yield Fault(each.where, "general.disabledevents", f"holds {name}: {needed[name]}. Take it out")
    filters = [each for each in settings if each.section == us and _includes(each)]
    named = [_BY_NAME.match(each.key) for each in filters]
    passed = {name[1] for name in named if name is not None}
    if filters and None not in named:
        for name in sorted(needed.keys() - passed):
            text = f"lacks {name}: {needed[name]}. Copy its line from ccdaemon/samples/manager.conf"
            yield Fault(filters[-1].where, f"{us}.eventfilter", text)


def _includes(setting: Setting) -> bool:
    """A filter that lets something through, and with it nothing else."""
    key = setting.key.lower()
    return key.startswith("eventfilter") and "exclude" not in key and not setting.value.startswith("!")
