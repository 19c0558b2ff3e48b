"""Which voice service answers, and how the session is set up there. Pure.

The first `config` (or whatever comes first, with the defaults) chooses the service and is the
server's own first update, which the core sends and, where a part is refused, shortens. Later ones
are updates of what differs; one that is refused is forgotten.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from server.gateway.messages import Config, SessionUpdated
from server.gateway.session import Offer, changes, merged, wanted
from server.gateway.telling import as_dict, as_text, to_client, to_upstream
from server.relay.actions import Action, Dial, Notice

MAX_UPDATES: Final = 64
"""How many updates may wait for their answers."""


class Setup:
    """The options of one session, what they became, and updates on their way."""

    def __init__(
        self,
        offers: Mapping[str, Offer],
        default: str,
        *,
        session_id: str,
        new_id: Callable[[str], str],
        today: date,
    ) -> None:
        """Prepare; the arguments are those of `Gateway`."""
        self._offers = offers
        self._default = default
        self._session_id = session_id
        self._new_id = new_id
        self._today = today
        self._offer: Offer | None = None
        self._settled = Config(type="config")
        """The options that no update on its way is about."""
        self._config = self._settled
        self._session: dict[str, Any] = {}
        self._is_own_update_due = False
        self._updates: dict[str, Config] = {}
        """Those that wait for their answers: id → what the client wrote."""

    @property
    def is_connected(self) -> bool:
        """Whether the service has been chosen, and so dialled."""
        return self._offer is not None

    @property
    def finds_turns(self) -> bool:
        """Whether the service finds the end of a turn by itself; once connected."""
        return self._session["audio"]["input"]["turn_detection"] is not None

    def connect(self, config: Config | None = None) -> list[Action]:
        """Dial, unless that was done. `config`: the first message, when it is one."""
        if self._offer is not None:
            return []
        notices: list[Action] = []
        said = config if config is not None else self._config
        name = (said.provider or self._default).strip().lower()
        if name not in self._offers:
            name = self._default
            text = "The server has no such provider for its clients; its own one answers."
            notices.append(Notice("warning", "provider_replaced", text))
        self._config = self._settled = said
        self._offer = self._offers[name]
        self._is_own_update_due = True
        self._session, more = wanted(said, self._offer, said, self._today)
        return [*notices, *more, Dial(name, self._session)]

    def configure(self, config: Config) -> list[Action]:
        """Take a `config`, the first one or another."""
        if self._offer is None:
            return self.connect(config)
        notices: list[Action] = []
        if config.provider is not None and config.provider != self._offer.provider:
            text = "The provider is chosen once, by the first message. Connect again to change it."
            notices.append(Notice("warning", "provider_kept", text))
        self._config = merged(self._config, config)
        session, more = wanted(self._config, self._offer, config, self._today)
        update = changes(self._session, session)
        if not update:
            self._keep(config)
            return [*notices, *more, to_client(self._in_force(self._session))]
        self._session = session
        event_id = self._new_id("gateway")
        self._updates[event_id] = config
        if len(self._updates) > MAX_UPDATES:
            self._settle()
        return [*notices, *more, to_upstream("session.update", event_id=event_id, session=update)]

    def _keep(self, config: Config) -> None:
        """Take options that change nothing at the service; they stand with the last that do."""
        if self._updates:
            last = next(reversed(self._updates))
            self._updates[last] = merged(self._updates[last], config)
        else:
            self._settled = merged(self._settled, config)

    def on_updated(self, session: Mapping[str, Any]) -> list[Action]:
        """The service has accepted an update; `session` is what is in force."""
        if self._is_own_update_due:
            self._is_own_update_due = False
        elif self._updates:
            self._settle()
        return [to_client(self._in_force(session))]

    def _settle(self) -> None:
        """The oldest update is in force."""
        config = self._updates.pop(next(iter(self._updates)))
        self._settled = merged(self._settled, config)

    def on_rejected(self, event_id: str) -> bool:
        """An event of this id was refused: return whether it was an update, which is undone."""
        if self._offer is None or self._updates.pop(event_id, None) is None:
            return False
        self._config = self._settled
        for config in self._updates.values():
            self._config = merged(self._config, config)
        self._session = wanted(self._config, self._offer, self._config, self._today).session
        return True

    def _in_force(self, session: Mapping[str, Any]) -> SessionUpdated:
        assert self._offer is not None
        audio = as_dict(session.get("audio"))
        hears, speaks = as_dict(audio.get("input")), as_dict(audio.get("output"))
        detection = as_dict(hears.get("turn_detection")).get("type")
        return SessionUpdated(
            session_id=self._session_id,
            provider=self._offer.provider,
            model=as_text(session.get("model")) or self._offer.model,
            voice=as_text(speaks.get("voice")),
            turn_detection=detection if detection in ("server_vad", "semantic_vad") else "none",
            transcription=hears.get("transcription") is not None,
        )
