"""Dialling a scripted peer: what goes over the wire and what each refusal becomes."""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

import pytest
import trustme

import rtclient
from rtclient.endpoints import Endpoint
from rtclient.errors import (
    AuthError,
    ConnectError,
    ConnectionLost,
    HandshakeRejected,
    RemoteProtocolError,
)
from rtclient.testing import PeerSession, ScriptedPeer
from rtclient.transport import WebSocketTransport, client_ssl_context, clip_reason, dial

SECRET = "sk-canary-0123456789"


def endpoint(url: str, **headers: str) -> Endpoint:
    """An endpoint at this address."""
    return Endpoint(url=url, kind="openai", label="peer", headers=headers)


async def failure(dialling: Awaitable[object]) -> ConnectError:
    """The error that this dial ends with."""
    with pytest.raises(ConnectError) as caught:
        await dialling
    return caught.value


async def refused(peer: ScriptedPeer) -> ConnectError:
    """The error that dialling this peer ends with; it never shows the key."""
    with pytest.raises(ConnectError) as caught:
        await dial(endpoint(peer.url, **{"api-key": SECRET}))
    assert SECRET not in f"{caught.value!r}{caught.value}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return caught.value


async def test_events_cross_in_order() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url))
        session = await peer.session()
        assert '"session.created"' in await transport.recv()
        for number in range(50):
            await transport.send(f'{{"type":"n","n":{number}}}')
            await session.send({"type": "m", "m": number})
        assert [(await session.expect("n"))["n"] for _ in range(50)] == list(range(50))
        assert [await transport.recv() for _ in range(50)] == [
            f'{{"type": "m", "m": {number}}}' for number in range(50)
        ]
        await transport.close(1000, "done")
        await session.closed.wait()
        assert (session.close_code, session.close_reason) == (1000, "done")
        await transport.close()


async def test_the_handshake_has_our_headers_and_no_compression() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url + "/v1/realtime?model=m", **{"api-key": SECRET}))
        session = await peer.session()
        assert session.path == "/v1/realtime?model=m"
        assert session.headers["api-key"] == SECRET
        assert session.headers["user-agent"] == f"rtclient/{rtclient.__version__}"
        assert "sec-websocket-extensions" not in session.headers
        assert "sec-websocket-protocol" not in session.headers
        await transport.close()


async def test_a_subprotocol_is_offered_when_asked() -> None:
    async with ScriptedPeer() as peer:
        where = Endpoint(url=peer.url, kind="openai", label="peer", subprotocols=("realtime",))
        transport = await dial(where)
        session = await peer.session()
        assert session.headers["sec-websocket-protocol"] == "realtime"
        await transport.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_is_an_auth_error(status: int) -> None:
    async with ScriptedPeer(status=status, body=f"bad key {SECRET}") as peer:
        error = await refused(peer)
    assert isinstance(error, AuthError)
    assert (error.status, error.retryable) == (status, False)
    assert SECRET in error.body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int) -> None:
    async with ScriptedPeer() as target:
        for location in (target.url, target.url.replace("ws:", "http:"), "/elsewhere"):
            async with ScriptedPeer(status=status, headers={"Location": location}) as peer:
                error = await refused(peer)
                assert (error.kind, error.status, error.retryable) == ("redirect", status, False)
                assert len(peer.requests) == 1
        assert target.requests == []


@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After-Ms": "250", "Retry-After": "7"}, 0.25),
    ],
)
async def test_a_refusal_keeps_its_facts(headers: dict[str, str], retry_after_s: float) -> None:
    async with ScriptedPeer(status=429, body=SECRET, headers=headers) as peer:
        error = await refused(peer)
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.retry_after_s, error.retryable) == (429, retry_after_s, True)


async def test_nobody_listening_is_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ConnectError) as caught:
            await dial(endpoint(url))
    assert caught.value.kind == "refused"


async def test_a_name_that_does_not_exist_is_dns() -> None:
    with pytest.raises(ConnectError) as caught:
        await dial(endpoint("ws://no-such-host.invalid"))
    assert caught.value.kind == "dns"


async def test_a_silent_peer_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        error = await failure(dial(endpoint(url), open_timeout_s=0.05))
    assert error.kind == "timeout"


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 101 No\r\n\r\n"])
async def test_a_peer_that_is_no_websocket_server(answer: bytes) -> None:
    async def answer_and_hang_up(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer_and_hang_up, "127.0.0.1", 0)
    async with server:
        with pytest.raises(ConnectError) as caught:
            await dial(endpoint(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert caught.value.kind == "handshake"


async def test_an_address_that_is_none() -> None:
    with pytest.raises(ConnectError) as caught:
        await dial(endpoint("https://example.com"))
    assert caught.value.kind == "url"


async def test_a_proxy_that_refuses() -> None:
    async with ScriptedPeer(status=403) as proxy:
        with pytest.raises(ConnectError) as caught:
            await dial(endpoint("ws://upstream.invalid"), proxy=proxy.url.replace("ws:", "http:"))
    assert caught.value.kind in ("proxy", "refused")


async def test_a_proxy_carries_the_connection_and_does_not_get_the_key() -> None:
    asked: list[bytes] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        near, far = await asyncio.open_connection("127.0.0.1", peer.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pipe(reader, far), pipe(near, writer))
        done.set()

    done = asyncio.Event()
    async with ScriptedPeer() as peer, await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        transport = await dial(
            endpoint("ws://service.example:8443", **{"api-key": SECRET}),
            proxy=f"http://user:word@127.0.0.1:{port}",
        )
        assert '"session.created"' in await transport.recv()
        assert peer.requests[0].headers["api-key"] == SECRET
        await transport.close()
        await done.wait()
    (head,) = asked
    assert head.startswith(b"CONNECT service.example:8443 ")
    assert b"Proxy-Authorization: Basic dXNlcjp3b3Jk" in head
    assert SECRET.encode() not in head


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url))
        await transport.close()


async def answer_in_plain_words(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What an HTTP server says to a handshake of TLS."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What others do."""
    linger = struct.pack("ii", 1, 0)  # a reset, not an end
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()


@pytest.mark.parametrize("serve", [answer_in_plain_words, hang_up])
async def test_a_server_without_tls_is_told_apart(serve: Callable[..., Awaitable[None]]) -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectError, match=r"without TLS needs http:// or ws://"):
            await dial(endpoint(url))


async def test_tls_needs_a_trusted_certificate(tmp_path: object) -> None:
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_context)
    async with ScriptedPeer(tls=server_context) as peer:
        with authority.cert_pem.tempfile() as ca_file:
            trusting = client_ssl_context(extra_ca_file=ca_file)
            transport = await dial(endpoint(peer.url), ssl_context=trusting)
            await transport.close()
            with pytest.raises(ConnectError) as caught:
                await dial(endpoint(peer.url), ssl_context=client_ssl_context())
            assert caught.value.kind == "tls"
            wrong_name = peer.url.replace("localhost", "127.0.0.1")
            with pytest.raises(ConnectError) as caught:
                await dial(endpoint(wrong_name), ssl_context=trusting)
            assert caught.value.kind == "tls"
            blind = client_ssl_context(verify=False)
            transport = await dial(endpoint(wrong_name), ssl_context=blind)
            await transport.close()


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "over"), (4000, "beta")])
async def test_the_peers_close_is_told(code: int, reason: str) -> None:
    async def close(session: PeerSession) -> None:
        await session.send({"type": "last"})
        await session.close(code, reason)

    async with ScriptedPeer(close) as peer:
        transport = await dial(endpoint(peer.url))
        assert await transport.recv() == '{"type": "last"}'
        for operation in (transport.recv, lambda: transport.send("x")):
            with pytest.raises(ConnectionLost) as caught:
                await operation()
            assert (caught.value.code, caught.value.reason) == (code, reason)
        assert (transport.close_code, transport.close_reason) == (code, reason)


async def test_a_peer_that_vanishes_is_1006() -> None:
    async def vanish(session: PeerSession) -> None:
        session.abort()

    async with ScriptedPeer(vanish) as peer:
        transport = await dial(endpoint(peer.url))
        with pytest.raises(ConnectionLost) as caught:
            await transport.recv()
        assert caught.value.code == 1006
        assert caught.value.retryable


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_closing_cuts_a_peer_off_that_takes_nothing(is_cancelled: bool) -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url), close_timeout_s=60 if is_cancelled else 0.05)
        session = await peer.session()
        session.connection.transport.pause_reading()
        sending = asyncio.create_task(_send_without_end(transport))
        while not transport.pending_bytes:
            await asyncio.wait([sending], timeout=0.01)
        sending.cancel()
        await asyncio.wait([sending])
        closing = asyncio.create_task(transport.close())
        if is_cancelled:
            await asyncio.wait([closing], timeout=0.05)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
        await asyncio.wait([closing])
        assert await transport.recv()  # what came before the end
        with pytest.raises(ConnectionLost):
            await transport.recv()
        session.abort()


async def _send_without_end(transport: WebSocketTransport) -> None:
    while True:
        await transport.send("x" * 1_000_000)


async def test_a_frame_beyond_the_limit_ends_the_connection() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url), max_size=2000)
        session = await peer.session()
        await transport.recv()
        await session.send({"type": "x" * 3000})
        with pytest.raises(RemoteProtocolError):
            await transport.recv()
        await session.closed.wait()
        assert session.close_code == 1009


async def test_binary_data_is_refused() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url))
        session = await peer.session()
        await transport.recv()
        await session.send_text(b"\xff\xfe")
        with pytest.raises(RemoteProtocolError):
            await transport.recv()
        await transport.close()


async def test_binary_text_is_taken_as_text() -> None:
    async with ScriptedPeer() as peer:
        transport = await dial(endpoint(peer.url))
        session = await peer.session()
        await transport.recv()
        await session.send_text('{"type":"é"}'.encode())
        assert await transport.recv() == '{"type":"é"}'
        await transport.close()


class SilentPeer:
    """A WebSocket server below which nobody reads: it upgrades, sends `greeting`, and freezes."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._greeting = greeting
        self._released = asyncio.Event()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *exc: object) -> None:
        self._released.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from websockets.http11 import Request
        from websockets.server import ServerProtocol

        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        for data in protocol.data_to_send():
            writer.write(data)
        writer.write(self._greeting)
        await self._released.wait()
        writer.transport.abort()


async def test_a_frozen_peer_is_found_by_the_pings() -> None:
    async with SilentPeer() as url:
        transport = await dial(
            endpoint(url), ping_interval_s=0.02, ping_timeout_s=0.04, close_timeout_s=0.02
        )
        with pytest.raises(ConnectionLost) as caught:
            await transport.recv()
        assert caught.value.code == 1006


async def test_pings_do_not_blame_a_peer_that_we_do_not_read() -> None:
    frames = b"\x81\x02{}" * 64
    async with SilentPeer(frames) as url:
        transport = await dial(endpoint(url), ping_interval_s=0.01, ping_timeout_s=0.02)
        unpaused = asyncio.Event()
        # Ten times the ping timeout, in which nothing is read.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(unpaused.wait(), 0.2)
        assert transport.close_code is None
        assert [await transport.recv() for _ in range(64)] == ["{}"] * 64
        transport.abort()


async def test_a_cancelled_dial_leaves_nothing(recwarn: pytest.WarningsRecorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        dialling = asyncio.create_task(dial(endpoint(url)))
        loop = asyncio.get_running_loop()
        silent.setblocking(False)
        accepted, _ = await loop.sock_accept(silent)
        with accepted:
            dialling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dialling
            data = b"x"
            while data:
                try:
                    data = await loop.sock_recv(accepted, 65536)
                except ConnectionResetError:
                    break


async def test_the_key_is_in_no_log_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with ScriptedPeer(status=302, headers={"Location": "ws://127.0.0.1:1"}) as peer:
            await refused(peer)
        url = f"ws://127.0.0.1:{1}/?x={SECRET}"
        with pytest.raises(ConnectError):
            await dial(endpoint(url, **{"api-key": SECRET}))
    ours = [record.getMessage() for record in caplog.records if "server" not in record.name]
    assert SECRET not in "".join(ours)


def test_a_reason_is_cut_between_letters() -> None:
    assert clip_reason("é" * 100) == "é" * 61
    assert clip_reason("short") == "short"


async def test_it_is_a_transport() -> None:
    from rtclient.transport import Transport

    async with ScriptedPeer() as peer:
        transport: Transport = await dial(endpoint(peer.url))
        assert isinstance(transport, WebSocketTransport)
        assert transport.pending_bytes == 0
        await transport.close()
