"""A desk phone on another SIP stack than Asterisk's (PJSUA2): it registers, answers, holds a line, and transfers.

A program of its own: it does what standard input says, a word a line, and says on standard output what has happened.
"""

from __future__ import annotations

import select
import sys
from collections.abc import Callable

import pjsua2

PATIENCE = 20  # ms in the stack, between looks at standard input
RINGING, OK = 180, 200


def say(word: str) -> None:
    print(word, flush=True)


class Line(pjsua2.Call):  # type: ignore[misc]  # PJSUA2 has no types
    """One call. Its voice is a steady tone."""

    def __init__(self, phone: Softphone, name: str, number: int = pjsua2.PJSUA_INVALID_ID) -> None:
        super().__init__(phone, number)
        self._phone = phone
        self._name = name

    def onCallState(self, _: object) -> None:  # noqa: N802 - PJSUA2's name
        match self.getInfo().state:
            case pjsua2.PJSIP_INV_STATE_CONFIRMED:
                say(f"{self._name} talks")
            case pjsua2.PJSIP_INV_STATE_DISCONNECTED:
                say(f"{self._name} ended")

    def onCallMediaState(self, _: object) -> None:  # noqa: N802 - PJSUA2's name
        info = self.getInfo()  # owns its media
        for index, media in enumerate(info.media):
            if media.type == pjsua2.PJMEDIA_TYPE_AUDIO and media.status == pjsua2.PJSUA_CALL_MEDIA_ACTIVE:
                self._phone.voice.startTransmit(self.getAudioMedia(index))
            if media.status == pjsua2.PJSUA_CALL_MEDIA_LOCAL_HOLD:
                say(f"{self._name} holds")

    def onCallTransferStatus(self, state: pjsua2.OnCallTransferStatusParam) -> None:  # noqa: N802 - PJSUA2's name
        if state.finalNotify:
            say(f"{self._name} transferred {state.statusCode}")


class Softphone(pjsua2.Account):  # type: ignore[misc]  # PJSUA2 has no types
    """Two lines: `first` is for who calls us, `second` for whom we call."""

    def __init__(self, host: str, voice: pjsua2.ToneGenerator) -> None:
        super().__init__()
        self._host = host
        self.voice = voice
        self.first: Line | None = None
        self.second: Line | None = None

    def onRegState(self, state: pjsua2.OnRegStateParam) -> None:  # noqa: N802 - PJSUA2's name
        say("registered" if state.code == OK else f"not registered: {state.code} {state.reason}")

    def onIncomingCall(self, call: pjsua2.OnIncomingCallParam) -> None:  # noqa: N802 - PJSUA2's name
        self.first = Line(self, "first", call.callId)
        self.first.answer(_with(RINGING))
        say("first rings")

    def obey(self, word: str) -> None:
        verb, _, number = word.partition(" ")
        commands: dict[str, Callable[[], None]] = {
            "answer": lambda: _there(self.first).answer(_with(OK)),
            "hold": lambda: _there(self.first).setHold(_with()),
            "call": lambda: self._call(number),
            "transfer": lambda: _there(self.first).xferReplaces(_there(self.second), _with()),
        }
        commands[verb]()

    def _call(self, number: str) -> None:
        self.second = Line(self, "second")
        self.second.makeCall(f"sip:{number}@{self._host}", _with())


def _there(line: Line | None) -> Line:
    assert line is not None, "there is no such call"
    return line


def _with(status: int = 0) -> pjsua2.CallOpParam:
    options = pjsua2.CallOpParam(True)  # noqa: FBT003 - PJSUA2 takes nothing but positions
    options.statusCode = status
    return options


def _settings(own: str, registrar: str, extension: str) -> pjsua2.AccountConfig:
    """An account whose password is its name, as that of all phones of the laboratory that register."""
    settings = pjsua2.AccountConfig()
    settings.idUri = f"sip:{extension}@{registrar}"
    settings.regConfig.registrarUri = f"sip:{registrar}"
    settings.sipConfig.authCreds.append(pjsua2.AuthCredInfo("digest", "*", extension, 0, extension))
    settings.mediaConfig.transportConfig.boundAddress = own
    return settings


def _tone(hertz: int) -> pjsua2.ToneGenerator:
    voice = pjsua2.ToneGenerator()
    voice.createToneGenerator()
    tone = pjsua2.ToneDesc()
    tone.freq1, tone.on_msec = hertz, 1000
    tones = pjsua2.ToneDescVector()
    tones.append(tone)
    voice.play(tones, True)  # noqa: FBT003 - for ever
    return voice


def main(own: str, registrar: str, extension: str, hertz: str) -> None:
    """Be the phone of an extension at an address of our own, until standard input ends."""
    stack = pjsua2.Endpoint()
    stack.libCreate()
    settings = pjsua2.EpConfig()
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    settings.uaConfig.threadCnt, settings.uaConfig.mainThreadOnly = 0, True
    stack.libInit(settings)
    transport = pjsua2.TransportConfig()
    transport.boundAddress, transport.port = own, 5060
    stack.transportCreate(pjsua2.PJSIP_TRANSPORT_UDP, transport)
    stack.audDevManager().setNullDev()
    stack.libStart()
    phone = Softphone(registrar, _tone(int(hertz)))
    phone.create(_settings(own, registrar, extension))
    while True:
        stack.libHandleEvents(PATIENCE)
        if select.select([sys.stdin], [], [], 0)[0]:
            word = sys.stdin.readline().strip()
            if not word:
                break
            phone.obey(word)
    stack.hangupAllCalls()
    phone.first = phone.second = None  # they hold the phone, and that its voice, which must go before the stack
    del phone
    stack.libDestroy()


if __name__ == "__main__":
    main(*sys.argv[1:])
