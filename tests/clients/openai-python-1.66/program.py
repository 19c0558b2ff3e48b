"""`openai` 1.66.5 for Python, of the time of the preview: its `beta.realtime`, at our address."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI
from openai.types.beta.realtime import RealtimeServerEvent
from openai_turns import SECRET_INSTRUCTIONS, STEPS, Models, Preview, opened, refused
from report import Run, main

MODEL = "gpt-realtime"
KNOWN_ERRORS = {
    # The first item has none before it; later versions of the package know.
    ("conversation.item.created", "previous_item_id"),
    ("input_audio_buffer.committed", "previous_item_id"),
    # It has no `in_progress`, with which every answer and its items begin.
    ("response.created", "response.status"),
    ("response.output_item.added", "item.status"),
    ("conversation.item.created", "item.status"),
    # It has no content of the type `audio`, which is what the assistant says.
    ("response.output_item.done", "item.content.0.type"),
    ("response.done", "response.output.0.content.0.type"),
    # It knows transcripts only when they are complete.
    ("conversation.item.input_audio_transcription.delta", ""),
}
MODELS = Models(RealtimeServerEvent, KNOWN_ERRORS)


def client(run: Run) -> AsyncOpenAI:
    # Both force wss without a base URL of their own for sockets.
    base = run.socket_base if run.origin.startswith("http:") else None
    if run.kind == "AsyncOpenAI.beta.realtime":
        return AsyncOpenAI(api_key=run.key, base_url=run.base, websocket_base_url=base)
    return AsyncAzureOpenAI(
        api_key=run.key,
        azure_endpoint=run.origin,
        api_version="2024-10-01-preview",
        websocket_base_url=base,
    )


def dial(run: Run) -> AbstractAsyncContextManager[Any]:
    return client(run).beta.realtime.connect(model=MODEL)


async def secret_of(run: Run) -> str:
    """What a server with the account's key makes for a browser."""
    create = client(run).beta.realtime.sessions.create
    return (await create(model=MODEL, instructions=SECRET_INSTRUCTIONS)).client_secret.value


async def take(run: Run, step: str) -> None:
    if step == "refusal":
        return await refused(dial(replace(run, key="wrong")))
    if step == "secret":
        run = replace(run, key=await secret_of(run))
    async with opened(dial(run), MODELS, Preview) as talk:
        await STEPS[step](talk)


main(take)
