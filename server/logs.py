"""How the application logs: one JSON line on a pipe, readable text on a terminal.

Rules of the file:
- everything goes through the standard library's root logger, so that libraries are covered too;
- secrets are taken out last, from the finished line: known ones in every form in which they may
  appear, and by pattern what looks like one;
- values cannot forge lines: control and direction characters are escaped, long values cut;
- libraries that write headers, frames or tokens at DEBUG stay at INFO or WARNING.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from server.relay.closing import REMOVED, Scrubber

_MAX_VALUE_CHARS = 1024

_QUIET = {
    "azure": logging.WARNING,
    "msal": logging.WARNING,
    "urllib3": logging.INFO,
    "asyncio": logging.INFO,
    "websockets": logging.INFO,
    "httpcore": logging.INFO,
    "httpx": logging.WARNING,
    # At DEBUG it has every frame and header of the clients; at INFO what we print ourselves.
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
}

_LOOKS_SECRET = (
    re.compile(r"(?i)\b(bearer\s+)[\w.~+/-]{8,}=*"),
    re.compile(r"\b()(?:sk|ek)[-_][\w-]{8,}"),
    re.compile(r"\b()eyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"),
    re.compile(r"(?i)((?:api-?key|token|secret|password|sig)=)[^\s&\"',]+"),
    re.compile(r"(openai-insecure-api-key\.)[^\s&\"',]+"),
)

# C0 and C1 controls, and the characters that change the direction of text.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Redactor:
    """Takes secrets out of finished lines; more can be added while the program runs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._scrubber = Scrubber(())
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Take these out as well."""
        new = set(secrets) - self._secrets
        if new:
            self._secrets |= new
            self._scrubber = Scrubber(self._secrets)

    def redact(self, line: str) -> str:
        """Return `line` without secrets."""
        line = self._scrubber.scrub(line)
        for pattern in _LOOKS_SECRET:
            line = pattern.sub(rf"\1{REMOVED}", line)
        return line


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Redacts what is about to be written, whatever it came from."""

    def __init__(self, redactor: Redactor, renderer: Processor) -> None:
        super().__init__(
            foreign_pre_chain=_shared(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(super().format(record))


def configure_logs(
    level: str = "INFO", redactor: Redactor | None = None, stream: TextIO | None = None
) -> None:
    """Set up logging for the process; calling it again replaces what was there.

    Args:
        level: The lowest level that is written.
        redactor: Knows the secrets.
        stream: Where to write; None is stderr.
    """
    stream = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(stream)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if stream.isatty()
        else structlog.processors.JSONRenderer()
    )
    handler.setFormatter(_Formatter(redactor or Redactor(), renderer))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, lowest in _QUIET.items():
        logging.getLogger(name).setLevel(max(lowest, root.level))
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _escape_values,
    ]


def _escape_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = _escape(value)
    return event


def _escape(text: str) -> str:
    if len(text) > _MAX_VALUE_CHARS:
        text = text[:_MAX_VALUE_CHARS] + "…"
    escape: Callable[[re.Match[str]], str] = lambda found: f"\\u{ord(found[0]):04x}"  # noqa: E731
    return _UNSAFE.sub(escape, text)
