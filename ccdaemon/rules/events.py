"""The events of Asterisk that are read, and whether manager.conf keeps any of them from us.

Source: the Asterisk documentation on AMI; `eventfilter` and `disabledevents` in its sample of manager.conf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ccdaemon.model import Fault, Setting, Site

UNANSWERED = "AgentRingNoAnswer"
_CALLS = "the daemon would not know which calls there are"
_TRANSFERS = "no transfer would stand in the register"
_WAITING = "queues would be known wrongly"
_MEMBERS = "agents would be known wrongly"
READ = {  # what is wrong without it
    "Newchannel": _CALLS,
    "Hangup": _CALLS,
    "BridgeEnter": "nothing would stop a recorder that somebody brings to a payment past the door",
    "BridgeLeave": "who have parted would seem to be together",
    "BlindTransfer": _TRANSFERS,
    "AttendedTransfer": _TRANSFERS,
    "QueueCallerJoin": _WAITING,
    "QueueCallerLeave": _WAITING,
    "QueueCallerAbandon": _WAITING,
    "AgentConnect": "nobody would seem to be answered, and agents who answer would be paused",
    UNANSWERED: "nobody would be paused who lets calls ring",
    "MixMonitorStart": "nothing would stop a recorder that begins during a payment",
    "MixMonitorStop": "recorders that have stopped would seem to run",
    "ChanSpyStart": "nobody who listens would be written down, nor thrown out where that leads past the door",
    "QueueMemberStatus": _MEMBERS,
    "QueueMemberPause": _MEMBERS,
    "QueueMemberAdded": _MEMBERS,
    "QueueMemberRemoved": _MEMBERS,
    "UserEvent": "the payments door would hear nobody knock, and open for nobody",
}
OURS = "CC"  # how user events of our dialplan begin
_NAME = re.compile(r"eventfilter\(.*\bname\((\w+)\)")


def event_faults(us: str, site: Site, settings: Iterable[Setting]) -> Iterator[Fault]:
    """Every one that is read and does not come. `us` is our own user; one without filters is told everything.

    What filters by pattern let through is for whoever wrote them to judge: all were so before there were those by name.
    """
    needed = {name: else_ for name, else_ in READ.items() if site.agents or name != UNANSWERED}
    settings = list(settings)
    disabled = [each for each in settings if (each.section, each.key.lower()) == ("general", "disabledevents")]
    for each in disabled[-1:]:  # Asterisk heeds the last, and no name with a blank behind it
        for name in sorted({name.lstrip() for name in each.value.split(",")} & needed.keys()):
            yield Fault(each.where, "general.disabledevents", f"holds {name}: {needed[name]}. Take it out")
    filters = [each for each in settings if each.section == us and each.key.lower().startswith("eventfilter")]
    for each in filters:
        if _excludes(each) and (name := _name(each)) in needed:
            yield Fault(each.where, f"{us}.eventfilter", f"keeps {name} from us: {needed[name]}. Take the line out")
    including = [each for each in filters if not _excludes(each)]
    if including and all(map(_name, including)):
        for name in sorted(needed.keys() - {_name(each) for each in including if _is_whole(each)}):
            text = f"lacks {name}: {needed[name]}. Copy its line from ccdaemon/samples/manager.conf"
            yield Fault(including[-1].where, f"{us}.eventfilter", text)


def _name(setting: Setting) -> str:
    found = _NAME.match(setting.key)
    return found[1] if found is not None else ""


def _excludes(setting: Setting) -> bool:
    return "action(exclude" in setting.key or setting.value.startswith("!")


def _is_whole(setting: Setting) -> bool:
    """Does it let through all of that name, or of user events all that are ours?"""
    if _name(setting) == "UserEvent" and "header(UserEvent)" in setting.key and "method(starts_with)" in setting.key:
        return bool(setting.value) and OURS.startswith(setting.value)
    return not setting.value and "header(" not in setting.key
