"""Puts the servers of the settings in the place of an engine's own senses."""

import asyncio
from collections.abc import Sequence

from rtclient.engine.remote.brain import RemoteBrain
from rtclient.engine.remote.client import Client, Patience
from rtclient.engine.remote.ears import RemoteEars
from rtclient.engine.remote.settings import ModelServer, Servers
from rtclient.engine.remote.voice import RemoteVoice
from rtclient.engine.senses import Senses


class Plugs:
    """The clients of all servers that are used."""

    def __init__(self, servers: Servers, patience: Patience | None = None) -> None:
        """`patience`: shorter in tests."""
        self._servers = servers
        self._clients = {server.prefix: Client(server, patience) for server in servers}

    async def notes(self) -> Sequence[str]:
        """Ask each server whether it is there; return a sentence for each that is not.

        It is used all the same: it may come later.
        """
        notes = await asyncio.gather(*(client.note() for client in self._clients.values()))
        return [note for note in notes if note]

    def plug_into(self, senses: Senses) -> dict[str, str]:
        """Replace senses; return the names of the new ones. The old voice becomes the spare one."""
        servers, names = self._servers, {}
        if servers.stt is not None:
            senses.ears = RemoteEars(self._client(servers.stt))
            names["ears"] = str(servers.stt)
        if servers.chat is not None:
            senses.brain = RemoteBrain(self._client(servers.chat))
            names["brain"] = str(servers.chat)
        if servers.tts is not None:
            senses.voice = RemoteVoice(self._client(servers.tts), spare=senses.voice)
            names["voice"] = str(servers.tts)
        return names

    def _client(self, server: ModelServer) -> Client:
        return self._clients[server.prefix]

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        for client in self._clients.values():
            await client.close()
