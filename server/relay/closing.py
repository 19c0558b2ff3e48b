"""Close codes, close reasons, and keeping secrets out of what is passed on. Pure."""

import json
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

MAX_REASON_BYTES = 123
REMOVED = "[removed]"
_MIN_SECRET_CHARS = 6  # removing shorter strings would damage what people say

_SENDABLE = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


def sendable_code(code: int) -> int:
    """Return `code`, or 1011 when it may not stand in a close frame (1005, 1006, 1015, unknown)."""
    return code if code in _SENDABLE or 3000 <= code <= 4999 else 1011


def clip_reason(reason: str) -> str:
    """Return the longest start of `reason` that fits into a close frame, cut between characters."""
    data = reason.encode(errors="replace")
    return data[:MAX_REASON_BYTES].decode(errors="ignore")


class Scrubber:
    """Takes secrets out of text, in the forms in which a peer may repeat them.

    Plain, JSON-escaped, URL-encoded and base64-encoded (at each of the three alignments).
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: dict[str, None] = {}
        for secret in secrets:
            if len(secret) >= _MIN_SECRET_CHARS:
                forms.update(dict.fromkeys(_forms(secret)))
        self._forms = sorted(forms, key=len, reverse=True)

    def scrub(self, text: str) -> str:
        """Return `text` with each secret replaced; the same object when there was none."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, REMOVED)
        return text


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret).replace("/", "\\/")[1:-1]
    yield quote(secret)
    yield quote(secret, safe="")
    data = secret.encode()
    for lead in range(3):
        # The characters that do not depend on what stands before and after the secret.
        encoded = b64encode(b"\0" * lead + data).decode().rstrip("=")
        core = encoded[-(-lead * 8 // 6) : (lead + len(data)) * 8 // 6]
        if len(core) >= _MIN_SECRET_CHARS:
            yield core
            yield core.replace("+", "-").replace("/", "_")
