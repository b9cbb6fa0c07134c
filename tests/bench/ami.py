"""Events a second: ours decoded and applied to the graph of calls, stock panoramisk decoded and dispatched."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from panoramisk import Manager
from panoramisk.ami_protocol import AMIProtocol

from ccdaemon.asterisk.wire import AmiDecoder
from ccdaemon.rules.calls import Calls
from tests.bench.ratios import ratio

CALLS = 500
READ = 65_536  # bytes that a socket gives at a time, at most
AIM = 3.0

# One Housing call as Asterisk 22 sends it through the shipped filters: caller, agent, recorder, transfer, officer.
_CHANNEL = (
    "Channel: PJSIP/{name}\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 01597827460\r\n"
    "CallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: cy\r\n"
    "AccountCode: \r\nContext: cc-queue\r\nExten: s\r\nPriority: 4\r\nUniqueid: {id}\r\nLinkedid: {call}.0\r\n"
)
_BRIDGE = (
    "BridgeUniqueid: {bridge}\r\nBridgeType: basic\r\nBridgeTechnology: simple_bridge\r\nBridgeCreator: <unknown>\r\n"
    "BridgeName: <unknown>\r\nBridgeNumChannels: 2\r\nBridgeVideoSourceMode: none\r\n"
)
_QUEUE = "Queue: housing-cy\r\nPosition: 1\r\nCount: 1\r\n"
_MEMBER = (
    "Queue: housing\r\nMemberName: PJSIP/1002\r\nInterface: PJSIP/1002\r\nStateInterface: PJSIP/1002\r\n"
    "Membership: static\r\nPenalty: 1\r\nCallsTaken: 0\r\nLastCall: 0\r\nLastPause: 0\r\nLoginTime: 1795464504\r\n"
    "InCall: 0\r\nStatus: 2\r\nPaused: 0\r\nPausedReason: \r\nRinginuse: 0\r\nWrapuptime: 0\r\n"
)


def stream(calls: int) -> bytes:
    """What a manager link brings while so many calls are made."""
    return (
        b"Asterisk Call Manager/11.0.0\r\n"
        + "".join(event for number in range(calls) for event in _one_call(1_795_464_504 + number)).encode()
    )


def _one_call(call: int) -> Iterator[str]:
    caller = {"name": f"trunk-{call:08x}", "id": f"{call}.0", "call": call}
    agent = {"name": f"1002-{call:08x}", "id": f"{call}.1", "call": call}
    bridge = _BRIDGE.format(bridge=f"cca67831-b54b-4189-9bb1-{call:012x}")

    def event(name: str, *parts: str) -> str:
        head = f"Event: {name}\r\nPrivilege: call,all\r\nTimestamp: {call}.866678\r\n"
        return head + "".join(parts) + "\r\n"

    of_caller, of_agent = _CHANNEL.format(**caller), _CHANNEL.format(**agent)
    yield event("Newchannel", of_caller)
    yield event("QueueCallerJoin", of_caller, _QUEUE)
    yield event("Newchannel", of_agent)
    yield event("QueueCallerLeave", of_caller, _QUEUE)
    yield event("QueueMemberStatus", _MEMBER)
    yield event("MixMonitorStart", of_agent)
    yield event("AgentConnect", of_caller, _QUEUE, "Interface: PJSIP/1002\r\n")
    for who in (of_agent, of_caller):
        yield event("BridgeEnter", bridge, who)
    for who in (of_caller, of_agent):
        yield event("BridgeLeave", bridge, who)
    for who in (of_agent, of_caller):
        yield event("Hangup", who, "Cause: 16\r\nCause-txt: Normal Clearing\r\n")


def _ours(reads: list[bytes]) -> int:
    decoder, calls, events = AmiDecoder(), Calls(), 0
    for read in reads:
        for event in decoder.feed(read):
            calls.apply(event, 0.0)
            events += 1
    assert not calls.calls, "a call was left over"
    return events


def _stock(reads: list[bytes]) -> int:
    manager, events = Manager(), 0

    def count(_: Manager, __: object) -> None:
        nonlocal events
        events += 1

    manager.register_event("*", count)
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory, protocol.encoding = manager, "utf8"
    for read in reads:
        protocol.data_received(read)
    return events


async def main(rounds: int) -> int:
    data = stream(CALLS)
    reads = [data[start : start + READ] for start in range(0, len(data), READ)]
    sides: dict[str, Callable[[list[bytes]], int]] = {"ccdaemon": _ours, "panoramisk": _stock}
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds or 15):
        for name, side in sides.items():
            began = time.process_time()
            events = side(reads)
            rates[name].append(events / (time.process_time() - began))
    print(f"{len(data) / 1e6:.1f} MB of events, {CALLS} calls, in reads of {READ} bytes")
    for name, each in rates.items():
        print(f"  {name:<11} {statistics.median(each):>9,.0f} events a second")
    print(f"  ratio       {ratio(rates['ccdaemon'], rates['panoramisk'])}; aim {AIM}")
    reached = statistics.median(rates["ccdaemon"]) >= AIM * statistics.median(rates["panoramisk"])
    return 0 if reached else 1
