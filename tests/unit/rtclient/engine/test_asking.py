"""What is read from a request, and what an answer looks like."""

import json

import pytest

from rtclient.engine.asking import Asked, Reply, refusal


@pytest.mark.parametrize(
    ("target", "header", "found"),
    [
        ("/v1/realtime", ("Authorization", "Bearer  k "), ["k"]),
        ("/v1/realtime", ("API-Key", "k"), ["k"]),
        ("/v1/realtime", ("Sec-WebSocket-Protocol", "realtime,openai-insecure-api-key.k"), ["k"]),
        ("/openai/v1/realtime?api-key=k", ("X", ""), ["k"]),
        ("/v1/realtime?api-key=k", ("X", ""), []),
        ("/v1/realtime", ("Authorization", "Basic k"), []),
    ],
)
def test_a_credential_has_many_forms(
    target: str, header: tuple[str, str], found: list[str]
) -> None:
    assert Asked("GET", target, (header,)).credentials == found


def test_path_and_query_are_read_as_they_are_meant() -> None:
    asked = Asked("GET", "/v1/realtime/?model=a%20b&model=c&empty=", (("upgrade", "WebSocket"),))
    assert asked.path == "/v1/realtime"
    assert asked.query == {"model": "a b", "empty": ""}
    assert asked.wants_upgrade
    assert Asked("GET", "/").path == "/"
    assert not Asked("GET", "//[odd").wants_upgrade


def test_a_refusal_has_the_shape_of_the_api() -> None:
    answer = refusal(400, "invalid_value", "Leave it out.", param="call_id")
    assert json.loads(answer.body)["error"] == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "Leave it out.",
        "param": "call_id",
    }


@pytest.mark.parametrize(
    ("hosts", "is_ours"),
    [
        ((), True),
        (("127.0.0.1:8080",), True),
        (("LOCALHOST",), True),
        (("[::1]:8080",), True),
        (("evil.example:8080",), False),
        (("127.0.0.1.evil.example",), False),
        (("10.0.0.1",), False),
        (("localhost", "evil.example"), False),
    ],
)
def test_a_name_that_points_here_is_not_the_name_of_this_machine(
    hosts: tuple[str, ...], is_ours: bool
) -> None:
    asked = Asked("GET", "/", tuple(("Host", host) for host in hosts))
    assert asked.names_this_machine is is_ours


def test_an_answer_can_repeat_what_is_no_unicode() -> None:
    assert json.loads(Reply(200, {"text": "\ud800"}).body) == {"text": "\ud800"}
