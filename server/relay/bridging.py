"""Layers for the dialects at the edges: between them and inside, everything is GA. Pure.

    client ⇄ ClientDialect ⇄ … ⇄ UpstreamDialect ⇄ upstream

What a client speaks is guessed from its handshake and shown by its first `session.update`: from
that event on, the answer to it included, it is spoken to in its own dialect. What an upstream
speaks is a setting; its first event shows whether that is right.

What cannot cross is never lost in silence: people are told what they asked for in vain, and the log
notes what a client cannot be shown.
"""

from rtclient.errors import RemoteProtocolError
from rtclient.protocol.bridge import Crossing, GaClient, PreviewClient, PreviewUpstream
from rtclient.protocol.codec import MAX_BYTES, MAX_SERVER_BYTES, decode, peek_type
from rtclient.protocol.dialects import Dialect, dialect_of, session_dialect
from server.relay.actions import Action, Count, Fail, Note, Notice, ToClient, ToUpstream

_UPDATES = frozenset({"session.update", "transcription_session.update"})
_CREATED = frozenset({"session.created", "transcription_session.created"})


class ClientDialect:
    """The layer next to the client."""

    def __init__(
        self, guess: Dialect, *, is_certain: bool = False, upstream: Dialect = "ga"
    ) -> None:
        """Prepare.

        Args:
            guess: What the handshake shows; see `handshake_dialect`.
            is_certain: Whether it was said, not guessed: then no event says otherwise.
            upstream: What the far end speaks; a preview one gets what only preview has.
        """
        self._dialect = guess
        self._is_certain = is_certain
        self._bridge = PreviewClient(upstream)
        self._ga = GaClient() if upstream == "preview" else None

    @property
    def dialect(self) -> Dialect:
        """What the client is spoken to in."""
        return self._dialect

    def on_open(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """Make it GA."""
        if not isinstance(data, str):
            return [ToUpstream(data)]  # type: ignore[arg-type]  # the core refuses it
        if not self._is_certain and peek_type(data) in _UPDATES:
            self._learn(data)
        if self._dialect == "ga":
            return [ToUpstream(data)]
        if (text := self._bridge.inner_text(data)) is not None:
            return [ToUpstream(text)]
        return _to_upstream(self._bridge.to_inner(data))

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """Say it in the client's dialect."""
        bridge = self._ga if self._dialect == "ga" else self._bridge
        if bridge is None or not isinstance(data, str):
            return [ToClient(data)]
        if (text := bridge.outer_text(data)) is not None:
            return [ToClient(text)]
        return _to_client(bridge.to_outer(data))

    def on_time(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []

    def _learn(self, text: str) -> None:
        try:
            shown = dialect_of(decode(text, max_bytes=MAX_BYTES))
        except RemoteProtocolError:
            return  # the core refuses it
        if shown is not None:
            self._dialect, self._is_certain = shown, True


class UpstreamDialect:
    """The layer next to an upstream that speaks preview."""

    def __init__(self) -> None:
        self._bridge = PreviewUpstream()
        self._is_checked = False

    def on_open(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []

    def on_client(self, data: str | bytes, now: float) -> list[Action]:
        """Say it in preview."""
        assert isinstance(data, str), "no bytes leave the core"
        if (text := self._bridge.outer_text(data)) is not None:
            return [ToUpstream(text)]
        return _to_upstream(self._bridge.to_outer(data))

    def on_upstream(self, data: str | bytes, now: float) -> list[Action]:
        """Make it GA; the first session must not be GA already."""
        assert isinstance(data, str), "the face has decoded it"
        if (text := self._bridge.inner_text(data)) is not None:
            return [ToClient(text)]
        if not self._is_checked and peek_type(data) in _CREATED:
            self._is_checked = True
            if _is_ga(data):
                return [Fail("upstream_dialect_mismatch")]
        return _to_client(self._bridge.to_inner(data))

    def on_time(self, now: float) -> list[Action]:
        """Nothing to do."""
        return []


def _is_ga(text: str) -> bool:
    try:
        return session_dialect(decode(text, max_bytes=MAX_SERVER_BYTES).get("session")) == "ga"
    except RemoteProtocolError:
        return False  # the core ends the session for it


def _to_upstream(crossing: Crossing) -> list[Action]:
    actions: list[Action] = [ToUpstream(text) for text in crossing.texts]
    for name in crossing.lost:
        message = f"The voice service has no `{name}`, which was asked for; it is left out."
        actions += [Count("fields_lost"), Notice("warning", "field_lost", message)]
    return actions


def _to_client(crossing: Crossing) -> list[Action]:
    actions: list[Action] = [ToClient(text) for text in crossing.texts]
    for name in crossing.lost:
        message = (
            f"Clients of the preview dialect are not shown `{name}`: preview has no such thing."
        )
        actions += [Count("fields_lost"), Note("field_lost", message)]
    return actions
