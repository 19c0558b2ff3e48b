"""Log lines: one each, readable by machines on a pipe, without secrets."""

import base64
import io
import json
import logging
import urllib.parse
from collections.abc import Iterator

import pytest
import structlog

from server.logs import Redactor, configure_logs

SECRET = "canary/key+0123456789=="


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Put the root logger and structlog back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("uvicorn", "uvicorn.error")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    structlog.reset_defaults()


def logged(message: str, level: int = logging.INFO, **fields: object) -> str:
    """What one record becomes on a pipe."""
    stream = io.StringIO()
    configure_logs("DEBUG", Redactor([SECRET]), stream)
    logging.getLogger("server.session").log(level, message, extra=fields)
    return stream.getvalue()


def test_a_record_is_one_json_line_with_its_fields() -> None:
    line = logged("session ended", turns=3, close_code=1000)
    assert line.count("\n") == 1
    record = json.loads(line)
    assert record["event"] == "session ended"
    assert (record["turns"], record["close_code"], record["level"]) == (3, 1000, "info")
    assert record["logger"] == "server.session"
    assert "timestamp" in record


def test_structlog_and_context_go_the_same_way() -> None:
    stream = io.StringIO()
    configure_logs("INFO", Redactor(), stream)
    with structlog.contextvars.bound_contextvars(session="sess_1"):
        structlog.get_logger("a").info("hello", n=1)
        logging.getLogger("b").info("there")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["n"], first["session"]) == ("hello", 1, "sess_1")
    assert (second["event"], second["session"]) == ("there", "sess_1")


def test_a_terminal_gets_text() -> None:
    stream = Terminal()
    configure_logs("INFO", Redactor(), stream)
    logging.getLogger("x").info("hello", extra={"n": 1})
    assert "hello" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    configure_logs("WARNING", Redactor(), stream)
    logging.getLogger("x").info("hello")
    assert stream.getvalue() == ""


FORMS = {
    "plain": SECRET,
    "in a url": urllib.parse.quote(SECRET, safe=""),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 inside more": base64.b64encode(b"ab" + SECRET.encode() + b"cd").decode(),
    "bearer": "Authorization: Bearer abcdefgh12345678",
    "openai key": "sk-proj-abcdefgh12345678",
    "ephemeral key": "ek_abcdefgh12345678",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh",
    "query": "/login?token=abcdefgh12345678",
    "api-key in a query": "wss://x/y?api-key=abcdefgh12345678&z=1",
    "subprotocol": "openai-insecure-api-key.abcdefgh12345678",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_no_form_of_a_secret_is_written(text: str) -> None:
    for line in (logged(text), logged("x", field=text), logged("x", field={"deep": [text]})):
        assert "[removed]" in line
        for piece in (SECRET, text[-20:], "abcdefgh"):
            assert piece not in line
        json.loads(line)


def test_an_exception_is_redacted_too() -> None:
    stream = io.StringIO()
    configure_logs("INFO", Redactor([SECRET]), stream)
    try:
        raise RuntimeError(f"refused {SECRET}")
    except RuntimeError:
        logging.getLogger("x").exception("failed")
    record = json.loads(stream.getvalue())
    assert "RuntimeError" in record["exception"]
    assert SECRET not in stream.getvalue()


def test_secrets_can_be_added_later() -> None:
    redactor = Redactor()
    assert redactor.redact("a later-secret b") == "a later-secret b"
    redactor.add(["later-secret"])
    assert redactor.redact("a later-secret b") == "a [removed] b"


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u202eb", "a\u2028b", "a\x00b"])
def test_a_value_cannot_forge_lines_or_move_the_cursor(text: str) -> None:
    for stream in (io.StringIO(), Terminal()):
        configure_logs("INFO", Redactor(), stream)
        logging.getLogger("x").info(text, extra={"field": text})
        line = stream.getvalue()
        assert line.count("\n") == 1
        assert text not in line
        assert not {"\u202e", "\u2028", "\x00"} & set(line)


def test_long_values_are_cut() -> None:
    assert len(logged("x", field="y" * 100_000)) < 2000


def test_libraries_stay_quiet_at_debug() -> None:
    stream = io.StringIO()
    configure_logs("DEBUG", Redactor(), stream)
    for name in ("websockets.client", "uvicorn.error", "httpcore.http11", "azure.identity", "msal"):
        logging.getLogger(name).debug("headers and frames")
    assert stream.getvalue() == ""
