"""What a caller's telephone sends, as a packet capture that sipp plays: silence in A-law, and keys by RFC 4733."""

from __future__ import annotations

import struct
from collections.abc import Iterator

FRAME = 160  # samples, 20 ms
ALAW, EVENT = 8, 97  # payload types
SILENCE = bytes([0xD5]) * FRAME
KEY_FRAMES = 5  # 100 ms
MARKER = 0x80
END = 0x80

_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)  # the libpcap file header; 1 is Ethernet


def capture(keys: dict[float, int], seconds: float) -> bytes:
    """A pcap file with RTP of so many seconds. `keys` are the moments at which keys are pressed; 1 is the key 1."""
    frames = [payload for _, payload in zip(range(int(seconds * 50)), _payloads(keys), strict=False)]
    return _PCAP + b"".join(_packet(number, *frame) for number, frame in enumerate(frames))


def _payloads(keys: dict[float, int]) -> Iterator[tuple[int, int, int, bytes]]:
    """For each 20 ms: payload type, marker, time stamp, payload."""
    pressed = {int(moment * 50): key for moment, key in keys.items()}
    frame = 0
    while True:
        if frame in pressed:
            began = frame
            for part in range(1, KEY_FRAMES + 3):  # the last three say the same: it is over
                over = END if part >= KEY_FRAMES else 0
                length = min(part, KEY_FRAMES) * FRAME
                event = struct.pack("!BBH", pressed[began], over | 10, length)
                yield EVENT, MARKER if part == 1 else 0, began * FRAME, event
                frame += 1
        else:
            yield ALAW, 0, frame * FRAME, SILENCE
            frame += 1


def _packet(number: int, kind: int, marker: int, stamp: int, payload: bytes) -> bytes:
    """One record of the file: Ethernet, IPv4, UDP and RTP. sipp writes addresses, ports and checksums of its own."""
    rtp = struct.pack("!BBHII", 0x80, marker | kind, number + 1, stamp, 0xCC) + payload
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4)) + udp
    frame = bytes(12) + b"\x08\x00" + ip
    seconds, millis = divmod(20 * number, 1000)
    return struct.pack("<IIII", seconds, 1000 * millis, len(frame), len(frame)) + frame
