"""What went wrong with a server, as sentences for its user.

Rules of the file: pure. Each sentence names the variable to check; none holds an address, a key or
anything that the server said: clients see these sentences, and servers repeat keys and prompts.
"""

from typing import Final

from rtclient.engine.remote.settings import ModelServer

_NAMES: Final = {
    "LOCAL_STT": "The speech recognition server",
    "LOCAL_CHAT": "The chat server",
    "LOCAL_TTS": "The speech synthesis server",
}


def name_of(server: ModelServer) -> str:
    """Return what people call the server, as the beginning of a sentence."""
    return _NAMES[server.prefix]


def unreachable(server: ModelServer) -> str:
    """No connection."""
    return f"{name_of(server)} cannot be reached. Start it, or check {server.prefix}_URL."


def untrusted(server: ModelServer) -> str:
    """Its certificate is not what it should be."""
    return (
        f"{name_of(server)} shows a certificate that this machine does not trust. Check "
        f"{server.prefix}_URL, or let SSL_CERT_FILE name the file of its authority."
    )


def no_such_proxy(server: ModelServer) -> str:
    """The environment names a proxy that we cannot use."""
    return (
        f"{server.prefix}_URL cannot be asked through the proxy that the environment names: only "
        "http:// and https:// proxies work. Add the host to NO_PROXY to ask it directly."
    )


def silent(server: ModelServer, limit_s: float) -> str:
    """Nothing came."""
    return (
        f"{name_of(server)} did not answer within {limit_s:g} s. It may still be loading its "
        f"model; else check {server.prefix}_URL."
    )


def stalled(server: ModelServer, limit_s: float) -> str:
    """It began to answer, then nothing came."""
    return (
        f"{name_of(server)} stopped in the middle: nothing for {limit_s:g} s. See its log; "
        f"{server.prefix}_URL says which server it is."
    )


def broken_off(server: ModelServer) -> str:
    """It closed the connection before the end."""
    return (
        f"{name_of(server)} broke off its answer. See its log; {server.prefix}_URL says which "
        "server it is."
    )


def endless(server: ModelServer) -> str:
    """It sent far more than it was asked for."""
    return (
        f"{name_of(server)} did not stop. See its log; {server.prefix}_URL says which server it is."
    )


def nonsense(server: ModelServer, expected: str) -> str:
    """It sent something else than it should; `expected`: what, as `a streamed completion`."""
    return f"{name_of(server)} did not send {expected}. Check {server.prefix}_URL."


def refused(server: ModelServer, status: int) -> str:
    """It answered with an HTTP status that is no success."""
    prefix = server.prefix
    model = f"{prefix}_MODEL"
    if prefix == "LOCAL_TTS":
        model += f" and {prefix}_VOICE"  # servers know few of the voices that the API has
    if status in (401, 403):
        why = f"refuses the key. Check {prefix}_KEY"
    elif status == 404:
        why = f"does not have the address or the model. Check {prefix}_URL and {model}"
    elif status == 429:
        why = f"is asked too much. Try again later, or use another one in {prefix}_URL"
    elif 300 <= status < 400:
        why = f"sends us elsewhere. Set {prefix}_URL to the final address"
    elif 400 <= status < 500:
        why = f"refuses the request. Check {model}; its log says more"
    else:
        why = f"failed. Check {model}; its log says more"
    return f"{name_of(server)} {why} (HTTP {status})."


def wrong_functions(server: ModelServer) -> str:
    """Its model called a function that is not there, or with arguments that are no object."""
    return (
        f"{name_of(server)} called a function wrongly, so it was not called. A larger "
        f"{server.prefix}_MODEL does that less often."
    )
