"""Which modules of Asterisk do we need? Those of what the loaded dialplan names, and those that we ask ourselves.

Source: where each application and function is registered in Asterisk 22.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from ccdaemon.findings import Finding, State
from ccdaemon.model import LOADED, Setting

_NAME = re.compile(r"\b(\w+)\(")
OF = {  # application or function, in small letters -> module; what is not here is Asterisk's core, or a site's own
    "gosub": "app_stack",
    "gosubif": "app_stack",
    "return": "app_stack",
    "local": "app_stack",
    "queue": "app_queue",
    "dial": "app_dial",
    "mixmonitor": "app_mixmonitor",
    "stopmixmonitor": "app_mixmonitor",
    "chanspy": "app_chanspy",
    "extenspy": "app_chanspy",
    "confbridge": "app_confbridge",
    "confbridge_info": "app_confbridge",
    "park": "res_parking",
    "parkedcall": "res_parking",
    "park_get_channel": "res_parking",
    "agi": "res_agi",
    "userevent": "app_userevent",
    "waitforcondition": "app_waitforcond",
    "channelredirect": "app_channelredirect",
    "execif": "app_exec",
    "while": "app_while",
    "endwhile": "app_while",
    "playback": "app_playback",
    "read": "app_read",
    "playtones": "app_playtones",
    "stopplaytones": "app_playtones",
    "startmusiconhold": "res_musiconhold",
    "stopmusiconhold": "res_musiconhold",
    "originate": "app_originate",
    "channel": "func_channel",
    "master_channel": "func_channel",
    "callerid": "func_callerid",
    "if": "func_logic",
    "exists": "func_logic",
    "set": "func_logic",
    "cut": "func_cut",
    "timeout": "func_timeout",
    "dialplan_exists": "func_dialplan",
    "uuid": "func_uuid",
    "filter": "func_strings",
    "shift": "func_strings",
    "strftime": "func_strings",
    "base64_encode": "func_base64",
    "sha1": "func_sha1",
    "group": "func_groupcount",
    "group_count": "func_groupcount",
    "file": "func_env",
    "stat": "func_env",
    "record": "app_record",
    "import": "func_logic",
}
ALWAYS = {
    "pbx_config": "no call would be answered at all",
    "chan_pjsip": "no phone and no trunk would be there",
    "res_pjsip": "no phone and no trunk would be there",
    "res_pjsip_session": "no call would come in",
    "res_pjsip_sdp_rtp": "nobody would hear anybody",
    "res_rtp_asterisk": "nobody would hear anybody",
    "res_pjsip_refer": "no agent could transfer",
    "res_musiconhold": "callers who wait would hear nothing",
    "format_pcm": "callers would hear no prompt",
    "format_sln": "callers on wideband would hear no prompt",
    "codec_alaw": "callers would hear no prompt of another codec",
    "bridge_simple": "caller and agent would not be connected",
    "func_pjsip_endpoint": "this command could not see what phones may do",
    "func_pjsip_aor": "nobody would know whether the trunk answers",
    "func_pjsip_contact": "nobody would know whether the trunk answers",
    "func_devstate": "the lights of sealed phones would not burn",
    "pbx_spool": "this command could not try a recorder",
}
_MEANS = {
    "app_queue": "no caller would reach a person",
    "app_dial": "no phone would ring, and nobody could dial 999",
    "app_mixmonitor": "nothing would be recorded, and the payments door would open for nobody",
    "app_chanspy": "no supervisor could listen",
    "app_confbridge": "nobody could join a conference (*61 to *69); it needs confbridge.conf",
    "res_parking": "nobody could be parked (*71 to *79); it needs res_parking.conf",
    "res_agi": "no call would be answered with its menu",
    "app_userevent": "the payments door would open for nobody",
    "app_waitforcond": "the payments door would open for nobody",
    "app_record": "nobody could leave a message, or comment on a recording",
    "app_playback": "callers would hear no prompt",
    "app_playtones": "this command could not try a recorder",
    "func_groupcount": "a phone that is with payments could be recorded on another line",
    "func_sha1": "no answer of the daemon would be believed: callers get the second tier",
    "func_uuid": "no answer of the daemon would be believed: callers get the second tier",
}


def needed(dialplan: Iterable[Setting]) -> dict[str, str]:
    """Each module that must be loaded, and what callers or staff miss without it."""
    names = {name.lower() for setting in dialplan for name in _NAME.findall(setting.value)}
    used = sorted({OF[name] for name in names & OF.keys()})
    return {module: _MEANS.get(module, "calls would stop in the middle of the dialplan") for module in used} | ALWAYS


def module_findings(wanted: Mapping[str, str], there: Mapping[str, bool | None]) -> list[Finding]:
    """`there` is what Asterisk says of each; None where it says nothing."""
    faults = [
        Finding("modules", State.FAULT, f"{_not_there(name)}: {means}. {_load(name)}", LOADED)
        for name, means in wanted.items()
        if there.get(name) is False
    ]
    unknown = sorted(name for name in wanted if there.get(name) is None)
    if unknown:
        text = f"nobody knows of {_some(unknown)}: Asterisk has no func_module to ask. {_load('func_module')}"
        faults.append(Finding("modules", State.UNSEEN, text))
    return faults or [Finding("modules", State.OK, f"all {len(wanted)} that are needed work")]


def _not_there(name: str) -> str:
    return f"{name} is not loaded, or did not come up"


def _load(name: str) -> str:
    return (
        f"Take any noload of it out of modules.conf, then asterisk -rx 'module load {name}.so': it says what it lacks"
    )


def _some(names: Collection[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(first) + (f" and {len(names) - len(first)} more" if len(names) > len(first) else "")
