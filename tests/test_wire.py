"""Both line protocols as bytes: what Asterisk says is understood however it is cut, what we say cannot be misread."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccdaemon.asterisk.wire import (
    MAX_AGI_ENVIRONMENT,
    MAX_AGI_LINE,
    MAX_AMI_MESSAGE,
    AgiDecoder,
    AgiMessage,
    AmiDecoder,
    Environment,
    HangUp,
    Headers,
    Reply,
    Unsendable,
    WireFault,
    agi_command,
    ami_action,
    headers,
)

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
CONTROL_CHARACTERS = [chr(code) for code in [*range(0x20), 0x7F]]
SURROGATE = "\ud800"  # a text may hold one (JSON can say it), no encoding can
MIB = 1024 * 1024

unhurried = settings(deadline=None)  # how long an example takes says more of the machine than of the code


def pieces(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream, cut at these places."""
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[begin:end] for begin, end in itertools.pairwise(places)]


def manager_hears(parts: Iterable[bytes]) -> list[Headers]:
    decoder = AmiDecoder()
    return [message for part in parts for message in decoder.feed(part)]


def gateway_hears(parts: Iterable[bytes]) -> list[AgiMessage]:
    decoder = AgiDecoder()
    return [message for part in parts for message in decoder.feed(part)]


def taken_until_fault(decoder: AmiDecoder | AgiDecoder, stream: bytes, step: int) -> int:
    """How much a decoder took of a stream, read in steps, before it would have no more."""
    for begin in range(0, len(stream), step):
        try:
            decoder.feed(stream[begin : begin + step])
        except WireFault as fault:
            assert "longer than" in str(fault)  # noqa: PT017 - which fault it was matters here
            return begin
    return len(stream)


def each_byte(stream: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in stream]


# --- AMI: what we hear -----------------------------------------------------------------------------------------------

cuts = st.lists(st.integers(0, 10_000), max_size=12)
header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9()/-]{0,15}", fullmatch=True)
header_values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
ami_messages = st.lists(st.dictionaries(header_names, header_values, min_size=1, max_size=6), max_size=6)


def as_asterisk_sends(message: Headers) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in message.items()) + b"\r\n"


@unhurried
@given(ami_messages, cuts)
def test_manager_messages_are_the_same_however_the_stream_is_cut(messages: list[Headers], places: list[int]) -> None:
    stream = BANNER + b"".join(map(as_asterisk_sends, messages))
    assert manager_hears([stream]) == messages
    assert manager_hears(pieces(stream, places)) == messages


def test_manager_messages_are_the_same_when_every_byte_comes_alone() -> None:
    messages = [
        {"Event": "QueueCallerJoin", "Queue": "tai", "CallerIDName": "Siân Ŵyn"},
        {"Event": "Hangup", "Cause": "16"},
    ]
    assert manager_hears(each_byte(BANNER + b"".join(map(as_asterisk_sends, messages)))) == messages


def test_a_character_of_two_bytes_is_whole_when_a_cut_goes_through_it() -> None:
    stream = BANNER + "Event: Newchannel\r\nCallerIDName: Llŷr\r\n\r\n".encode()
    middle = stream.index("ŷ".encode()) + 1
    assert manager_hears([stream[:middle], stream[middle:]]) == [{"Event": "Newchannel", "CallerIDName": "Llŷr"}]


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_manager_message_is_handed_out_at_its_last_byte_and_not_before(cut: int) -> None:
    decoder = AmiDecoder()
    stream = BANNER + b"Event: Hangup\r\nCause: 16\r\n\r\n"
    assert decoder.feed(stream[:-cut]) == []
    assert decoder.feed(stream[-cut:]) == [{"Event": "Hangup", "Cause": "16"}]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"Event: Hangup\r\nCause: 16", {"Event": "Hangup", "Cause": "16"}),
        (b"Event: Hangup\r\nAccountCode: ", {"Event": "Hangup", "AccountCode": ""}),
        (b"Event: Hangup\r\nAccountCode:", {"Event": "Hangup", "AccountCode": ""}),
        (b"AppData: a: b:c", {"AppData": "a: b:c"}),
        (b"Variable: A=1\r\nVariable: B=2\r\nVariable: C=3", {"Variable": "A=1\nB=2\nC=3"}),
        (b"CallerIDName: Si\xe2n", {"CallerIDName": "Siân"}),
        ("CallerIDName: Siân".encode(), {"CallerIDName": "Siân"}),
        (b"CallerIDName: Si\xe2n\r\nMemberName: Si\xc3\xa2n", {"CallerIDName": "Siân", "MemberName": "Siân"}),
        (b"\r\nEvent: Hangup", {"Event": "Hangup"}),
        (b"no colon here\r\nEvent: Hangup", {"Event": "Hangup"}),
        (b"no colon here", {}),
        (b"Event: a\rb\nc", {"Event": "a\rb\nc"}),
    ],
)
def test_the_headers_of_a_message_are_read_as_asterisk_meant_them(block: bytes, expected: Headers) -> None:
    assert manager_hears([BANNER + block + b"\r\n\r\n"]) == [expected]


@unhurried
@given(header_names, st.lists(header_values, min_size=2, max_size=5))
def test_a_header_that_stands_there_more_than_once_keeps_all_its_values_in_their_order(
    name: str, values: list[str]
) -> None:
    block = "\r\n".join(f"{name}: {value}" for value in values)
    assert headers(block) == {name: "\n".join(values)}


def test_the_greeting_of_asterisk_is_kept_and_is_no_message() -> None:
    decoder = AmiDecoder()
    assert decoder.banner is None
    assert decoder.feed(BANNER) == []
    assert decoder.banner == "Asterisk Call Manager/11.0.0"


@pytest.mark.parametrize("length", range(len(BANNER) + 1))
def test_every_beginning_of_a_greeting_is_waited_for(length: int) -> None:
    decoder = AmiDecoder()
    assert decoder.feed(BANNER[:length]) == []
    assert decoder.feed(BANNER[length:] + b"Event: FullyBooted\r\n\r\n") == [{"Event": "FullyBooted"}]


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        b"\r\nAsterisk Call Manager/11.0.0\r\n",
        b"Asterisk\r\n",
        b"Asterisk Call Manager\r\n",
        b"Event: FullyBooted\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"Asterisk Call Manager/" + b"1" * 20 * MIB,
    ],
)
def test_whoever_greets_in_another_way_is_no_asterisk(greeting: bytes) -> None:
    with pytest.raises(WireFault, match="no manager port"):
        AmiDecoder().feed(greeting)


@unhurried
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_garbage_behind_the_greeting_becomes_headers_of_text_or_a_fault_and_nothing_else(parts: list[bytes]) -> None:
    decoder = AmiDecoder()
    decoder.feed(BANNER)
    for part in parts:
        for message in decoder.feed(part + b"\r\n\r\n"):
            assert all(isinstance(name, str) and isinstance(value, str) for name, value in message.items())
    assert {"Event": "Hangup"} in decoder.feed(b"\r\n\r\nEvent: Hangup\r\n\r\n")


@unhurried
@given(st.binary(max_size=200), cuts)
def test_garbage_as_a_greeting_is_a_fault_wherever_it_is_cut(stream: bytes, places: list[int]) -> None:
    with pytest.raises(WireFault):
        manager_hears([*pieces(b"!" + stream, places), b"\r\n"])


@pytest.mark.parametrize("size", [MAX_AMI_MESSAGE - 1, MAX_AMI_MESSAGE])
def test_a_manager_message_as_long_as_the_bound_is_read(size: int) -> None:
    block = b"Variable: ".ljust(size, b"x")
    (message,) = manager_hears([BANNER + block + b"\r\n\r\n"])
    assert len(message["Variable"]) == size - len("Variable: ")


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("step", [MAX_AMI_MESSAGE, 20 * MIB])
def test_a_manager_message_beyond_the_bound_is_a_fault_before_it_is_kept(step: int, end: bytes) -> None:
    decoder = AmiDecoder()
    decoder.feed(BANNER)
    stream = b"Variable: " + b"x" * 20 * MIB + end
    assert taken_until_fault(decoder, stream, step) <= MAX_AMI_MESSAGE


def test_a_message_beyond_the_bound_is_a_fault_among_others_too() -> None:
    short = b"Event: Hangup\r\n\r\n"
    with pytest.raises(WireFault, match="longer than"):
        manager_hears([BANNER + short + b"x" * (MAX_AMI_MESSAGE + 1) + b"\r\n\r\n" + short])


# --- AMI: what we say ------------------------------------------------------------------------------------------------


def asterisk_reads_actions(stream: bytes) -> list[list[tuple[str, str]]]:
    """How main/manager.c takes in actions: lines end at CR LF or a bare LF, an empty line ends the action."""
    actions: list[list[tuple[str, str]]] = []
    action: list[tuple[str, str]] = []
    for raw in stream.split(b"\n")[:-1]:
        line = raw.removesuffix(b"\r").decode()
        if line:
            name, _, value = line.partition(": ")
            action.append((name, value))
        else:
            actions.append(action)
            action = []
    assert action == []
    return actions


@unhurried
@given(header_names, st.lists(st.tuples(header_names, st.text(max_size=30)), max_size=6))
def test_an_action_arrives_with_exactly_its_values_or_is_not_sent(name: str, fields: list[tuple[str, str]]) -> None:
    try:
        stream = ami_action(name, fields)
    except Unsendable:
        assert any(character in value for _, value in fields for character in CONTROL_CHARACTERS) or any(
            "\ud800" <= character <= "\udfff" for _, value in fields for character in value
        )
    else:
        assert asterisk_reads_actions(stream) == [[("Action", name), *fields]]


@unhurried
@given(header_names, st.dictionaries(header_names, header_values, max_size=6))
def test_our_own_decoder_reads_an_action_back(name: str, fields: dict[str, str]) -> None:
    fields.pop("Action", None)
    assert manager_hears([BANNER + ami_action(name, fields.items())]) == [{"Action": name, **fields}]


@pytest.mark.parametrize("character", [*CONTROL_CHARACTERS, SURROGATE], ids=ascii)
@pytest.mark.parametrize("place", ["{}x", "x{}", "x{}Action: Command"])
def test_no_part_of_an_action_may_hold_a_control_character(character: str, place: str) -> None:
    bad = place.format(character)
    for name, fields in [(bad, []), ("Setvar", [(bad, "x")]), ("Setvar", [("Value", "x"), ("Value", bad)])]:
        with pytest.raises(Unsendable):
            ami_action(name, fields)


# --- AGI: what we hear -----------------------------------------------------------------------------------------------

ENVIRONMENT = b"agi_network: yes\nagi_uniqueid: 1700000000.1\nagi_callerid: unknown\nagi_arg_1: a b\nagi_arg_2: c\n\n"
INTRODUCED = Environment(
    {"network": "yes", "uniqueid": "1700000000.1", "callerid": "unknown", "arg_1": "a b", "arg_2": "c"}
)
USAGE = "Invalid command syntax.  Proper usage follows: Usage: STREAM FILE <filename> <escape digits>  [sample offset]"

REPLIES: list[tuple[bytes, AgiMessage]] = [
    (b"200 result=0\n", Reply(200, "0", text="result=0")),
    (b"200 result=-1\n", Reply(200, "-1", text="result=-1")),
    (b"200 result=49 endpos=8000\n", Reply(200, "49", None, 8000, "result=49 endpos=8000")),
    (b"200 result=1 (tai)\n", Reply(200, "1", "tai", text="result=1 (tai)")),
    (b"200 result=1 ()\n", Reply(200, "1", "", text="result=1 ()")),
    (b"200 result=1 (a) b) (c)\n", Reply(200, "1", "a) b) (c", text="result=1 (a) b) (c)")),
    (b"200 result=1 (a) endpos=7)\n", Reply(200, "1", "a) endpos=7", text="result=1 (a) endpos=7)")),
    (b"200 result= (timeout)\n", Reply(200, "", "timeout", text="result= (timeout)")),
    (b"200 result=5 (timeout)\n", Reply(200, "5", "timeout", text="result=5 (timeout)")),
    (b"200 result=\n", Reply(200, "", text="result=")),
    (b"200 result=1 (Si\xe2n)\n", Reply(200, "1", "Siân", text="result=1 (Siân)")),
    ("200 result=1 (Siân)\n".encode(), Reply(200, "1", "Siân", text="result=1 (Siân)")),
    (b"200 result=0\r\n", Reply(200, "0", text="result=0")),
    (b"510 Invalid or unknown command\n", Reply(510, text="Invalid or unknown command")),
    (b"511 Command Not Permitted\n", Reply(511, text="Command Not Permitted")),
    (b"520 Invalid command syntax.\n", Reply(520, text="Invalid command syntax.")),
    (
        b"520-Invalid command syntax.  Proper usage follows:\n Usage: STREAM FILE <filename> <escape digits>  "
        b"[sample offset]\n520 End of proper usage.\n",
        Reply(520, text=USAGE),
    ),
    (b"HANGUP\n", HangUp()),
]


@pytest.mark.parametrize(("line", "expected"), REPLIES)
def test_what_asterisk_replies_is_understood(line: bytes, expected: AgiMessage) -> None:
    assert gateway_hears([ENVIRONMENT + line]) == [INTRODUCED, expected]


@unhurried
@given(st.lists(st.sampled_from(REPLIES), max_size=8), cuts)
def test_gateway_messages_are_the_same_however_the_stream_is_cut(
    replies: list[tuple[bytes, AgiMessage]], places: list[int]
) -> None:
    stream = ENVIRONMENT + b"".join(line for line, _ in replies)
    expected = [INTRODUCED, *(message for _, message in replies)]
    assert gateway_hears([stream]) == expected
    assert gateway_hears(pieces(stream, places)) == expected


def test_gateway_messages_are_the_same_when_every_byte_comes_alone() -> None:
    stream = ENVIRONMENT + b"".join(line for line, _ in REPLIES)
    assert gateway_hears(each_byte(stream)) == [INTRODUCED, *(message for _, message in REPLIES)]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_gateway_message_is_handed_out_at_its_last_byte_and_not_before(cut: int) -> None:
    decoder = AgiDecoder()
    stream = ENVIRONMENT + b"200 result=1 (tai)\n"
    assert decoder.feed(stream[:-cut]) == [INTRODUCED]
    assert decoder.feed(stream[-cut:]) == [Reply(200, "1", "tai", text="result=1 (tai)")]


def test_a_hang_up_in_the_middle_of_a_usage_text_is_still_a_hang_up() -> None:
    stream = ENVIRONMENT + b"520-Invalid command syntax.  Proper usage follows:\nHANGUP\n520 End of proper usage.\n"
    assert gateway_hears([stream])[1] == HangUp()


@pytest.mark.parametrize(
    ("stream", "fields"),
    [
        (b"\n", {}),
        (b"agi_calleridname: Si\xe2n\n\n", {"calleridname": "Siân"}),
        ("agi_calleridname: Siân\n\n".encode(), {"calleridname": "Siân"}),
        (b"agi_calleridname: Si\xe2n\nagi_arg_1: Si\xc3\xa2n\n\n", {"calleridname": "Siân", "arg_1": "Siân"}),
        (b"agi_accountcode: \nagi_rdnis:\n\n", {"accountcode": "", "rdnis": ""}),
        (b"agi_arg_1: a: b\nagi_arg_2: agi_arg_3: x\n\n", {"arg_1": "a: b", "arg_2": "agi_arg_3: x"}),
        (b"agi_uniqueid: 1.2\r\n\r\n", {"uniqueid": "1.2"}),
    ],
)
def test_the_environment_is_read_as_asterisk_meant_it(stream: bytes, fields: dict[str, str]) -> None:
    assert gateway_hears([stream]) == [Environment(fields)]
    assert gateway_hears(each_byte(stream)) == [Environment(fields)]


def test_the_arguments_of_a_call_come_in_their_order() -> None:
    lines = b"agi_request: agi://127.0.0.1/inbound\n" + b"".join(b"agi_arg_%d: %d\n" % (n, n * n) for n in range(1, 13))
    (environment,) = gateway_hears([lines + b"\n"])
    assert isinstance(environment, Environment)
    assert environment.arguments == [str(n * n) for n in range(1, 13)]


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\nHost: pbx\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\n",
        b"200 result=0\n",
        b"uniqueid: 1.2\n",
        b"agi_uniqueid 1.2\n",
        ENVIRONMENT + b"\n",
        ENVIRONMENT + b"agi_uniqueid: 1.2\n",
        ENVIRONMENT + b"20 result=0\n",
        ENVIRONMENT + b"200\n",
        ENVIRONMENT + b"200result=0\n",
        ENVIRONMENT + b"hangup\n",
        ENVIRONMENT + b"200 result=1 (two\nlines)\n",
    ],
)
def test_what_asterisk_never_says_is_a_fault_wherever_it_is_cut(stream: bytes) -> None:
    for parts in ([stream], each_byte(stream)):
        with pytest.raises(WireFault):
            gateway_hears(parts)


@unhurried
@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from([b"", ENVIRONMENT]))
def test_garbage_is_a_message_or_a_fault_and_nothing_else(parts: list[bytes], before: bytes) -> None:
    try:
        for message in gateway_hears([before, *(part + b"\n" for part in parts)]):
            assert isinstance(message, Environment | Reply | HangUp)
    except WireFault as fault:
        assert str(fault)  # noqa: PT017 - that it is no other exception is the claim


@pytest.mark.parametrize("digits", [10, 5000])
def test_a_reply_with_a_preposterous_figure_is_still_a_reply(digits: int) -> None:
    line = b"200 result=0 endpos=" + b"9" * digits + b"\n"
    _, reply = gateway_hears([ENVIRONMENT + line])
    assert isinstance(reply, Reply)
    assert reply.result == "0"


@pytest.mark.parametrize("before", [b"", ENVIRONMENT])
@pytest.mark.parametrize("step", [4096, 20 * MIB])
def test_a_line_of_20_mib_is_a_fault_before_it_is_kept(before: bytes, step: int) -> None:
    decoder = AgiDecoder()
    decoder.feed(before)
    line = b"agi_arg_1: " + b"x" * 20 * MIB
    assert taken_until_fault(decoder, line, step) <= MAX_AGI_LINE


def test_a_line_as_long_as_the_bound_is_read() -> None:
    line = b"agi_arg_1: ".ljust(MAX_AGI_LINE, b"x")
    (environment,) = gateway_hears([line + b"\n\n"])
    assert isinstance(environment, Environment)
    assert len(environment.arguments[0]) == MAX_AGI_LINE - len("agi_arg_1: ")


def test_an_environment_as_long_as_the_bound_is_read_and_a_longer_one_is_a_fault() -> None:
    lines = [b"agi_arg_%d: x\n" % n for n in range(MAX_AGI_ENVIRONMENT + 1)]
    (environment,) = gateway_hears([*lines[:MAX_AGI_ENVIRONMENT], b"\n"])
    assert isinstance(environment, Environment)
    assert len(environment.fields) == MAX_AGI_ENVIRONMENT
    with pytest.raises(WireFault, match="more than"):
        gateway_hears(lines)


def test_a_usage_text_without_end_is_not_kept_without_end() -> None:
    usage = b"520-Invalid command syntax.  Proper usage follows:\n" + b"x" * 100 + b"\n" * 100_000
    (reply,) = gateway_hears([ENVIRONMENT + usage + b"520 End of proper usage.\n"])[1:]
    assert isinstance(reply, Reply)
    assert len(reply.text) < 2 * MAX_AGI_LINE


# --- AGI: what we say ------------------------------------------------------------------------------------------------

ASTERISK_BUFFER = 8192  # AGI_BUF_LEN; fgets fills all but one byte of it


def asterisk_reads_lines(stream: bytes) -> list[bytes]:
    """How res_agi.c takes in commands: up to a line feed, or as much as the buffer holds."""
    lines = []
    while stream:
        end = stream.find(b"\n") + 1 or len(stream)
        line, stream = stream[: min(end, ASTERISK_BUFFER - 1)], stream[min(end, ASTERISK_BUFFER - 1) :]
        lines.append(line.removesuffix(b"\n"))
    return lines


def asterisk_reads_words(line: bytes) -> list[bytes]:
    """How res_agi.c takes a command to pieces. Quotes hold a word together, a backslash takes the next as it is."""
    words: list[bytes] = []
    between, quoted, escaped = True, False, False
    for character in line.decode("latin-1"):
        match character:
            case '"' if not escaped:
                quoted = not quoted
                if quoted and between:
                    words.append(b"")
                    between = False
            case " " | "\t" if not quoted and not escaped:
                between = True
            case "\\" if not escaped:
                escaped = True
            case _:
                if between:
                    words.append(b"")
                    between = False
                words[-1] += character.encode("latin-1")
                escaped = False
    return words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"STREAM FILE cy/welcome 12", [b"STREAM", b"FILE", b"cy/welcome", b"12"]),
        (b'STREAM FILE "a b" ""', [b"STREAM", b"FILE", b"a b", b""]),
        (b'x "a\\"b" "c\\\\" d', [b"x", b'a"b', b"c\\", b"d"]),
        (b'x a"b c"d  e', [b"x", b"ab cd", b"e"]),
        (b'x "a', [b"x", b"a"]),
        (b"x a\\ b", [b"x", b"a b"]),
    ],
)
def test_the_parser_that_these_tests_ask_is_the_one_of_asterisk(line: bytes, words: list[bytes]) -> None:
    assert asterisk_reads_words(line) == words


agi_words = st.text(st.one_of(st.sampled_from('\\" \t\n\r,;$`(){}='), st.characters()), max_size=20)


@unhurried
@given(st.lists(agi_words, min_size=1, max_size=20))
def test_a_command_arrives_with_exactly_its_words_or_is_not_sent(words: list[str]) -> None:
    try:
        stream = agi_command(words)
    except Unsendable:
        assert any(character in word for word in words for character in CONTROL_CHARACTERS) or any(
            "\ud800" <= character <= "\udfff" for word in words for character in word
        )
    else:
        (line,) = asterisk_reads_lines(stream)
        assert asterisk_reads_words(line) == [word.encode() for word in words]


@pytest.mark.parametrize(
    "words",
    [
        ["SET", "VARIABLE", "CC_RESULT", 'x" "y'],
        ["SET", "VARIABLE", "CC_RESULT", "\\"],
        ["SET", "VARIABLE", "CC_RESULT", '\\" HANGUP "\\'],
        ["SET", "VARIABLE", "CC_RESULT", ""],
        ["SET", "VARIABLE", "CC_RESULT", " "],
        ["SET", "VARIABLE", "CC_RESULT", "Dŵr\u2028\x85"],
        ["EXEC", "MSet", 'A=1,B="2",C=\\,'],
        ["STREAM", "FILE", "", ""],
    ],
)
def test_no_value_can_leave_its_quotes(words: Sequence[str]) -> None:
    (line,) = asterisk_reads_lines(agi_command(words))
    assert asterisk_reads_words(line) == [word.encode() for word in words]


@pytest.mark.parametrize("character", [*CONTROL_CHARACTERS, SURROGATE], ids=ascii)
@pytest.mark.parametrize("place", ["{}", "x{}", '"{}HANGUP'])
def test_no_word_of_a_command_may_hold_a_control_character(character: str, place: str) -> None:
    with pytest.raises(Unsendable):
        agi_command(["SET", "VARIABLE", "CC_RESULT", place.format(character)])


@pytest.mark.parametrize("character", ["x", "é", '"'])
def test_a_command_fits_into_asterisks_buffer_with_its_line_end_or_is_not_sent(character: str) -> None:
    sent = 0
    for length in range(3900, 8200):
        try:
            stream = agi_command(["SET", "VARIABLE", "V", character * length])
        except Unsendable:
            continue
        assert len(asterisk_reads_lines(stream)) == 1
        sent = max(sent, len(stream))
    assert sent > ASTERISK_BUFFER - 4  # nor is anything refused that would have fitted
