"""Texts that look like client events and are not: the corpus of event smuggling and broken JSON.

Every case carries `CANARY` where a text can carry one, so that a test can say "the upstream saw
none of it". All are valid WebSocket text messages (or, where `data` is bytes, binary messages): the
connection itself gives no reason to close.
"""

from dataclasses import dataclass

CANARY = "SMUGGLED-5f1c"
_TAIL = '"session":{"type":"realtime","instructions":"SMUGGLED-5f1c"}'


@dataclass(frozen=True)
class BadCase:
    """One message; `name` says what is wrong with it."""

    name: str
    data: str | bytes


def _update(inside: str) -> str:
    """A session.update whose instructions are the canary, with `inside` beside them."""
    return '{"type":"session.update",' + _TAIL + "," + inside + "}"


def _nested(depth: int, opening: str, closing: str) -> str:
    return _update('"x":' + opening * depth + closing * depth)


def _texts() -> dict[str, str | bytes]:
    ok = '{"type":"session.update",' + _TAIL + "}"
    return {
        # not JSON at all
        "empty": "",
        "blank": "   \n\t ",
        "word": CANARY,
        "half an object": ok[:-1],
        "half a string": ok[: ok.index(CANARY) + len(CANARY)],
        "only an opening brace": "{",
        "only a closing brace": "}",
        "single quotes": ok.replace('"', "'"),
        "unquoted key": '{type:"session.update",' + _TAIL + "}",
        "trailing comma": ok[:-1] + ",}",
        "leading comma": "{," + ok[1:],
        "two commas": '{"type":"session.update",,' + _TAIL + "}",
        "missing colon": '{"type" "session.update",' + _TAIL + "}",
        "missing comma": '{"type":"session.update" ' + _TAIL + "}",
        "line comment": ok + "// " + CANARY,
        "block comment": "/* */" + ok,
        "hash comment": "# note\n" + ok,
        "trailing garbage": ok + CANARY,
        "trailing brace": ok + "}",
        "two objects": ok + ok,
        "two objects on two lines": ok + "\n" + ok,
        "byte order mark": "\ufeff" + ok,
        "zero byte before": "\x00" + ok,
        "zero byte after": ok + "\x00",
        "record separator before": "\x1e" + ok,
        "no-break space before": "\u00a0" + ok,
        "form feed between": '{"type":"session.update",\x0c' + _TAIL + "}",
        "raw newline in a string": ok.replace(CANARY, CANARY + "\n"),
        "raw tab in a string": ok.replace(CANARY, CANARY + "\t"),
        "raw zero in a string": ok.replace(CANARY, CANARY + "\x00"),
        "unknown escape": ok.replace(CANARY, CANARY + "\\x41"),
        "short unicode escape": ok.replace(CANARY, CANARY + "\\u12"),
        "callback": "callback(" + ok + ")",
        "python literals": _update('"x":True'),
        "undefined": _update('"x":undefined'),
        # numbers that parsers read differently
        "NaN": _update('"x":NaN'),
        "Infinity": _update('"x":Infinity'),
        "minus Infinity": _update('"x":-Infinity'),
        "leading zero": _update('"x":01'),
        "plus sign": _update('"x":+1'),
        "hexadecimal": _update('"x":0x10'),
        "bare fraction": _update('"x":.5'),
        "open fraction": _update('"x":1.'),
        "integer of 5000 digits": _update('"x":' + "9" * 5000),
        "integer above 64 bits": _update('"x":18446744073709551617'),
        "integer below 64 bits": _update('"x":-9223372036854775809'),
        "float that overflows": _update('"x":1e999'),
        # Unicode
        "lone high surrogate": ok.replace(CANARY, CANARY + "\\ud800"),
        "lone low surrogate": ok.replace(CANARY, CANARY + "\\udc00"),
        "surrogates in the wrong order": ok.replace(CANARY, CANARY + "\\udc00\\ud800"),
        "lone surrogate in a key": _update('"\\ud800":1'),
        # one meaning for us, another for the next parser
        "type twice": '{"type":"session.update",' + _TAIL + ',"type":"response.cancel"}',
        "type twice, harmless first": '{"type":"response.cancel","type":"session.update",'
        + _TAIL
        + "}",
        "type twice by escape": '{"type":"response.cancel","\\u0074ype":"session.update",'
        + _TAIL
        + "}",
        "session twice": '{"type":"session.update","session":{"type":"realtime"},' + _TAIL + "}",
        "duplicate key below": '{"type":"session.update","session":{"type":"realtime",'
        '"instructions":"a","instructions":"SMUGGLED-5f1c"}}',
        "duplicate key in a list": _update('"x":[{"a":1,"a":2}]'),
        "empty key twice": _update('"":1,"":2'),
        # JSON, but no event
        "null": "null",
        "true": "true",
        "number": "42",
        "string": '"' + CANARY + '"',
        "list": "[]",
        "list of an event": "[" + ok + "]",
        "empty object": "{}",
        "no type": "{" + _TAIL + "}",
        "type null": '{"type":null,' + _TAIL + "}",
        "type number": '{"type":1,' + _TAIL + "}",
        "type list": '{"type":["session.update"],' + _TAIL + "}",
        "type object": '{"type":{"type":"session.update"},' + _TAIL + "}",
        "type in capitals as key": '{"TYPE":"session.update",' + _TAIL + "}",
        # too much of it
        "40 lists deep": _nested(40, "[", "]"),
        "200000 lists deep": _nested(200_000, "[", "]"),
        "40 objects deep": _update('"x":' + '{"a":' * 40 + "1" + "}" * 40),
        "100000 open brackets": "[" * 100_000,
        "100000 open objects": '{"a":' * 100_000,
        "20000 nodes": _update('"x":[' + ",".join("1" * 20_000) + "]"),
        "20000 keys": _update(",".join(f'"k{n}":1' for n in range(20_000))),
        # binary messages
        "binary event": ok.encode(),
        "binary noise": bytes(range(256)) + CANARY.encode(),
        "binary utf-16": ok.encode("utf-16"),
        "empty binary": b"",
    }


CASES: tuple[BadCase, ...] = tuple(BadCase(name, data) for name, data in _texts().items())
