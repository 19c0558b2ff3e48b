"""The one strict parser: any bytes in, an event or RemoteProtocolError out."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.errors import LocalProtocolError, RemoteProtocolError
from rtclient.protocol.codec import MAX_DEPTH, MAX_NODES, decode, encode, find_type, peek_type


def nested(depth: int) -> str:
    """An event whose deepest value is `depth` containers deep."""
    return '{"type":"x","a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def wide(values: int) -> str:
    """An event of exactly this many values, itself and its type included."""
    return '{"type":"x","a":[' + ",".join("1" * (values - 3)) + "]}"


INVALID_JSON = {
    "nothing": "",
    "blank": " \n",
    "a word": "hello",
    "cut off": '{"type":"x"',
    "a comma too many": '{"type":"x",}',
    "single quotes": "{'type':'x'}",
    "a comment": '{"type":"x"/**/}',
    "something behind it": '{"type":"x"} {}',
    "NaN": '{"type":"x","a":NaN}',
    "Infinity": '{"type":"x","a":Infinity}',
    "negative Infinity": '{"type":"x","a":-Infinity}',
    "a float beyond range": '{"type":"x","a":1e999}',
    "an endless fraction": '{"type":"x","a":0.' + "1" * 100 + "}",
    "an integer of 5 000 digits": '{"type":"x","a":' + "9" * 5000 + "}",
    "an integer of 65 bits": '{"type":"x","a":9223372036854775808}',
    "a negative integer of 65 bits": '{"type":"x","a":-9223372036854775809}',
    "a leading zero": '{"type":"x","a":01}',
    "a leading plus": '{"type":"x","a":+1}',
    "the type twice": '{"type":"x","type":"y"}',
    "the type twice, once escaped": '{"type":"x","\\u0074ype":"y"}',
    "a key twice deep inside": '{"type":"x","a":[{"b":{"c":1,"c":1}}]}',
    "half a surrogate pair": '{"type":"x","a":"\\ud800"}',
    "half a surrogate pair, upper case": '{"type":"x","a":"\\uDBFF"}',
    "the wrong half": '{"type":"x","a":"\\udc00"}',
    "halves in the wrong order": '{"type":"x","a":"\\udc00\\ud800"}',
    "half a surrogate pair in a key": '{"type":"x","\\ud800":1}',
    "half a surrogate pair unescaped": '{"type":"x","a":"\ud800"}',
    "a byte order mark": '\ufeff{"type":"x"}',
    "a raw line break in a string": '{"type":"x","a":"b\nc"}',
    "a raw null in a string": '{"type":"x","a":"b\x00c"}',
    "an unknown escape": '{"type":"x","a":"\\q"}',
    "a short escape": '{"type":"x","a":"\\u12"}',
    "an unpaired bracket": "]",
    "crossed brackets": '{"type":"x","a":[}]',
    "a blank that JSON does not know": '\u00a0{"type":"x"}',
    "digits of another script": '{"type":"x","a":\u0661}',
}

INVALID_BYTES = {
    "not UTF-8": b'{"type":"\xff"}',
    "overlong UTF-8": b'{"type":"x","a":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"type":"x","a":"\xed\xa0\x80"}',
    "UTF-16": '{"type":"x"}'.encode("utf-16"),
    "UTF-32": '{"type":"x"}'.encode("utf-32-le"),
    "a byte order mark": b'\xef\xbb\xbf{"type":"x"}',
}

INVALID_EVENT = {
    "an array": "[]",
    "a string": '"type"',
    "a number": "1",
    "null": "null",
    "no type": "{}",
    "a null type": '{"type":null}',
    "a number as type": '{"type":1}',
    "an object as type": '{"type":{}}',
    "an empty type": '{"type":""}',
    "an endless type": '{"type":"' + "x" * 129 + '"}',
    "too deep": nested(MAX_DEPTH + 1),
    "so deep that a parser recurses": nested(200_000),
    "too deep and never closed": '{"type":"x","a":' + "[" * 5_000,
    "too many values": wide(MAX_NODES + 1),
    "millions of empty arrays": "[" + "[]," * 3_000_000,
}


@pytest.mark.parametrize("text", INVALID_JSON.values(), ids=INVALID_JSON.keys())
def test_what_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(text)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("data", INVALID_BYTES.values(), ids=INVALID_BYTES.keys())
def test_bytes_that_are_not_utf8_text_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("text", INVALID_EVENT.values(), ids=INVALID_EVENT.keys())
def test_json_that_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(text)
    assert caught.value.code == "invalid_event"


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"x"}',
        ' \t\r\n{ "type" : "x" } ',
        '{"\\u0074ype":"\\u0078"}',
        '{"type":"x","a":"\\ud83d\\ude00 \\u0000 é 😀"}',
        '{"type":"x","a":[9223372036854775807,-9223372036854775808,-0,1e-400,1.5E+3]}',
        '{"type":"x","a":{"type":1},"":null}',
        '{"type":"x","a":"' + '[{,\\"' * 50_000 + '"}',
        nested(MAX_DEPTH),
        wide(MAX_NODES),
    ],
)
def test_strict_json_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert decode(text) == decode(text.encode()) == json.loads(text)


def test_the_size_counts_in_bytes_of_utf8() -> None:
    text = '{"type":"é"}'
    assert decode(text, max_bytes=13) == {"type": "é"}
    for data in (text, text.encode()):
        with pytest.raises(RemoteProtocolError) as caught:
            decode(data, max_bytes=12)
        assert caught.value.code == "event_too_large"


def test_an_error_never_repeats_the_text() -> None:
    for text in [
        '{"type":"x","canary-7":}',
        '{"canary-7":1,"canary-7":2}',
        '{"type":{"canary-7":1}}',
    ]:
        with pytest.raises(RemoteProtocolError) as caught:
            decode(text)
        assert "canary" not in str(caught.value) + repr(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"' + '\\"' * 1_000_000,
        '"' * 2_000_000,
        "[[" + "]" * 2_000_000,
        " " * 2_000_000,
        '{"type":"x","a":"' + ',\\"' * 1_000_000 + '"}',
    ],
    ids=["unending string", "quotes", "closers", "blanks", "commas in a string"],
)
def test_no_text_is_slow_to_refuse(text: str) -> None:
    """A quadratic look would take minutes here; the time limit of the test is the proof."""
    with contextlib.suppress(RemoteProtocolError):
        decode(text)
    peek_type(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
scraps = st.lists(
    st.sampled_from(
        ['{"type":', '"x"', '"type"', ":", ",", "{", "}", "[", "]", "1", "-", "1e9", "NaN"]
    )
    | st.sampled_from(["null", "true", "\\", '"', "\\u", "d800", " ", "\x00", "9" * 30, "é"])
    | st.sampled_from(["\ufeff", "\ud800", "\udc00"]),
    max_size=25,
).map("".join)


@given(
    st.binary(max_size=60)
    | st.text(st.characters(), max_size=60)
    | scraps
    | json_values.map(json.dumps)
    | json_values.map(lambda value: json.dumps({"type": "x", "value": value}))
)
def test_anything_becomes_an_event_or_a_protocol_error(data: str | bytes) -> None:
    try:
        event = decode(data)
    except RemoteProtocolError:
        return
    assert event == json.loads(data)
    assert decode(encode(event)) == event
    assert peek_type(data if isinstance(data, str) else data.decode()) == event["type"]


def test_encoding_is_compact_and_keeps_letters() -> None:
    assert encode({"type": "x", "a": ["é", 1.5, None]}) == '{"type":"x","a":["é",1.5,null]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, b"x"])
def test_what_is_not_json_is_not_encoded(value: object) -> None:
    with pytest.raises(LocalProtocolError):
        encode({"type": "x", "a": value})


def test_a_cycle_is_not_encoded() -> None:
    event: dict[str, object] = {"type": "x"}
    event["self"] = event
    with pytest.raises(LocalProtocolError):
        encode(event)


@pytest.mark.parametrize(
    ("text", "event_type"),
    [
        ('{"type":"response.done","response":{}}', "response.done"),
        (' {\n "type" : "a.b" , "x":1}', "a.b"),
        ('{"event_id":"event_1","type":"a.b"}', "a.b"),
        ('{"event_id":"e\\n","delta":"type","type":"a.b"}', "a.b"),
        ('{"\\u0074ype":"a.b"}', "a.b"),
        ('{"x":{"type":"inner"},"type":"outer"}', "outer"),
        ('{"type":"a", and what follows is not read', "a"),
        ("", None),
        ("[]", None),
        ('{"x":"type"}', None),
        ('{"type":7}', None),
        ("not json", None),
        ("[" * 100_000, None),
    ],
)
def test_the_type_is_found_without_reading_all(text: str, event_type: str | None) -> None:
    assert peek_type(text) == event_type


@given(
    st.tuples(st.sampled_from(['{"type":"', ' {"type" :\t"', '{"event_id":"e","type":"']), scraps)
)
def test_where_the_type_is_found_the_event_has_it(parts: tuple[str, str]) -> None:
    text = "".join(parts)
    if found := find_type(text):
        with contextlib.suppress(RemoteProtocolError):
            assert decode(text)["type"] == found[1]


@pytest.mark.parametrize(
    ("text", "has_one"),
    [
        ('{"type":"a"}', True),
        ('{"type":"%s"}' % ("x" * 128), True),
        ('{"type":"%s"}' % ("x" * 129), False),
        ('{"type":""}', False),
        ('{"type":"a\\n"}', False),
        ('{"type":"a\x00b"}', False),
        ('{"delta":"a","type":"b"}', False),
    ],
)
def test_a_type_is_found_in_place_only_where_it_stands_as_it_is(text: str, has_one: bool) -> None:
    assert (find_type(text) is not None) == has_one
