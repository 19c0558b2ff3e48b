"""A secret that is easy to find again, in any form in which it could leak."""

import base64
from urllib.parse import quote, quote_plus

CANARY = "kEy+4f9c2e71/d08bQm7Z=canary-3a6e55"
"""Has characters that URL and base64 encoding change, and is a legal header value."""

TOKEN = "t0ken-5b1d7e90-c0ffee-8842aa"
"""A second one that may stand in a host name or a subprotocol."""

WINDOW = 10
"""A masked print that shows this many characters in a row is a leak, too."""


def needles(secret: str = CANARY) -> tuple[bytes, ...]:
    """Every byte string whose presence means that (a good part of) the secret is there."""
    windows = [secret[n : n + WINDOW] for n in range(len(secret) - WINDOW + 1)]
    encoded = [
        quote(secret, safe=""),
        quote_plus(secret),
        "".join(f"%{byte:02x}" for byte in secret.encode()),
        "".join(f"%{byte:02X}" for byte in secret.encode()),
        secret.encode().hex(),
    ]
    for lead in range(3):  # base64 at each of the three alignments, without the changing ends
        text = base64.b64encode(b"x" * lead + secret.encode()).decode().rstrip("=")
        core = text[4 if lead else 0 : -4]
        encoded += [core, core.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(text.encode() for text in [*windows, *encoded]))


def found(data: bytes, secret: str = CANARY) -> list[bytes]:
    """The needles that `data` contains."""
    return [needle for needle in needles(secret) if needle in data]
