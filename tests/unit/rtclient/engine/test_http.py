"""Reading requests that are no GET, bit by bit."""

import h11
import pytest

from rtclient.engine.http import MAX_BODY_BYTES, MAX_HEADER_BYTES, Reading

HEAD = b"POST /x?y=z HTTP/1.1\r\nHost: h\r\n"


def read(data: bytes, step: int) -> Reading:
    reading = Reading(h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES))
    for at in range(0, len(data), step):
        reading.feed(data[at : at + step])
    return reading


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
)
def test_a_request_is_the_same_however_it_comes(rest: bytes, step: int) -> None:
    reading = read(HEAD + rest, step)
    assert reading.is_over
    assert reading.wrong is None
    assert reading.asked is not None
    assert (reading.asked.method, reading.asked.target) == ("POST", "/x?y=z")
    assert reading.body == b"hello"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (HEAD + b"Content-Length: 9999999\r\n\r\n" + b"x" * (MAX_BODY_BYTES + 1), 413),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400),
        (b"POST /\xff HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"\x00\x01\r\n\r\n", 400),
    ],
)
@pytest.mark.parametrize("step", [1000, 10**7])
def test_what_is_too_large_or_no_request_is_refused(data: bytes, status: int, step: int) -> None:
    reading = read(data, step)
    assert reading.is_over
    assert reading.wrong is not None
    assert reading.wrong.status == status
    assert len(reading.body) < MAX_BODY_BYTES + step + 1


def test_without_h11_the_package_to_install_is_named() -> None:
    reading = Reading(None)
    reading.feed(HEAD)
    assert reading.wrong is not None
    assert reading.wrong.status == 501
    assert b"rtclient[engine]" in reading.wrong.body
