"""What type checkers say of the public API; checked by mypy and pyright, never run.

A line that must not type-check carries an ignore, which both checkers take; one that finds nothing
there says so, because an ignore that is not needed is an error in this file.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import Any, Literal, assert_type

from rtclient import (
    Answer,
    AudioChunk,
    ClientState,
    InputTextContentPart,
    RealtimeConfig,
    RealtimeWebSocketClient,
    ReconnectPolicy,
    Restoration,
    RTClient,
    RTInputAudioItem,
    RTLowLevelClient,
    RTResponse,
    ServerVAD,
    Session,
    SpeechEdge,
    ToolCall,
    Transcript,
    UserMessageItem,
    endpoints,
)
from rtclient.endpoints import Endpoint


async def address() -> Endpoint:
    return endpoints.openai(key="key")


async def clients() -> None:
    assert_type(RTClient.to(endpoints.openai()), RTClient)
    assert_type(RTClient.to(address, reconnect_policy=ReconnectPolicy(max_attempts=3)), RTClient)
    assert_type(RTClient.from_env("engine"), RTClient)
    RTLowLevelClient("wss://host", None, None, "model", None, dialect="ga")
    RTClient.to("wss://host")  # type: ignore[arg-type]
    RTClient.to(address, dialect="old")  # type: ignore[arg-type]
    RTClient.to(address, reconnects=3)  # type: ignore[call-arg]


async def conversation(client: RTClient) -> None:
    assert_type(client.state, ClientState)
    assert_type(await client.configure(turn_detection=ServerVAD(threshold=0.5)), Session)
    assert_type(await client.ask("text"), Answer)
    assert_type(await client.commit_audio(), RTInputAudioItem)
    response = await client.generate_response(instructions="Be brief.")
    assert_type(response, RTResponse)
    async for item in response:
        if item.type == "message":
            async for part in item:
                if part.type == "audio":
                    async for pcm in part.audio_chunks():
                        assert_type(pcm, bytes)
        else:
            assert_type(item.arguments, str)
    async for event in client.events():
        assert_type(event, RTInputAudioItem | RTResponse)
    await client.send_item(UserMessageItem(content=[InputTextContentPart(text="Hello")]))
    await client.send_audio("text")  # type: ignore[arg-type]
    await client.configure(voice=1)  # type: ignore[arg-type]
    InputTextContentPart(txt="Hello")  # type: ignore[call-arg]
    async with client.push_to_talk() as turn:
        assert_type(turn.sent_ms, int)
    assert_type(turn.item, RTInputAudioItem | None)


async def callbacks(client: RTClient) -> None:
    @client.on("transcript")
    def transcript(payload: Transcript) -> None:
        assert_type(payload.role, Literal["user", "assistant"])

    @client.on("audio")
    async def audio(payload: AudioChunk) -> None:
        assert_type(payload.audio, bytes)

    @client.on("speech_started")
    def speech(payload: SpeechEdge) -> None: ...

    @client.on("tool_call")
    def call(payload: ToolCall) -> None: ...

    @client.on("restored")
    def restored(payload: Restoration) -> None:
        assert_type(payload.lost, tuple[str, ...])

    @client.on("event")
    def event(payload: dict[str, Any]) -> None: ...

    client.on("audio", lambda chunk: print(chunk))
    client.on("audio")(speech)  # type: ignore[arg-type]
    client.on("sound")  # type: ignore[call-overload]


async def tools(client: RTClient) -> None:
    @client.tool
    def plain(city: str) -> int:
        return len(city)

    @client.tool(timeout_s=3)
    async def slow(city: str) -> str:
        return city

    assert_type(plain("Oslo"), int)
    plain(1)  # type: ignore[arg-type]
    assert_type(await slow("Oslo"), str)


async def one_call() -> None:
    client = RealtimeWebSocketClient(RealtimeConfig("https://host", "key", "deployment"))
    assert_type(await client.send_message(user_text="Hello"), tuple[str, bytes])
    RealtimeConfig("https://host", "key", "deployment", voice=1)  # type: ignore[arg-type]
