"""The newest `openai` for Python: the classes and calls of its README, given our address."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI
from openai.types.beta.realtime import RealtimeServerEvent as PreviewEvent
from openai.types.realtime import RealtimeServerEvent
from openai_turns import GA, SECRET_INSTRUCTIONS, STEPS, Models, Preview, opened, refused
from report import Run, main

MODEL = "gpt-realtime"
GA_MODELS = Models(RealtimeServerEvent)
# It sends GA on the path of the preview, whose server has said hello in its own way by then.
LATE_GA_MODELS = Models(
    RealtimeServerEvent, {("session.created", ""), ("transcription_session.created", "")}
)
PREVIEW_MODELS = Models(
    PreviewEvent,
    {
        # It can ask for a transcription session, but has no model for the hello; and it wants a
        # client secret in every session, which only those made over HTTP have.
        ("transcription_session.created", ""),
        ("transcription_session.updated", "session.client_secret"),
    },
)


def plain(run: Run) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=run.key, base_url=run.base)


def azure(run: Run) -> AsyncAzureOpenAI:
    is_plain = run.origin.startswith("http:")
    return AsyncAzureOpenAI(
        api_key=run.key,
        azure_endpoint=run.origin,
        api_version="2024-10-01-preview",
        websocket_base_url=run.socket_base if is_plain else None,  # it forces wss otherwise
    )


def beta(run: Run) -> AsyncOpenAI:
    is_plain = run.origin.startswith("http:")
    base = run.socket_base if is_plain else None  # it forces wss otherwise
    return AsyncOpenAI(api_key=run.key, base_url=run.base, websocket_base_url=base)


def dial(run: Run, **options: Any) -> tuple[AbstractAsyncContextManager[Any], Models, Any]:
    match run.kind:
        case "AsyncOpenAI.realtime":
            return plain(run).realtime.connect(**options), GA_MODELS, GA
        case "AsyncAzureOpenAI.realtime":
            return azure(run).realtime.connect(**options), LATE_GA_MODELS, GA
        case "AsyncOpenAI.beta.realtime":
            return beta(run).beta.realtime.connect(**options), PREVIEW_MODELS, Preview
        case "AsyncAzureOpenAI.beta.realtime":
            return azure(run).beta.realtime.connect(**options), PREVIEW_MODELS, Preview
    raise ValueError(run.kind)


async def secret_of(run: Run) -> str:
    """What a server with the account's key makes for a browser."""
    if "beta" in run.kind:
        client = azure(run) if "Azure" in run.kind else plain(run)
        create = client.beta.realtime.sessions.create
        return (await create(model=MODEL, instructions=SECRET_INSTRUCTIONS)).client_secret.value
    session = {"type": "realtime", "instructions": SECRET_INSTRUCTIONS}
    return (await plain(run).realtime.client_secrets.create(session=session)).value


async def take(run: Run, step: str) -> None:
    if step == "refusal":
        connection, *_ = dial(replace(run, key="wrong"), model=MODEL)
        return await refused(connection)
    if step == "secret":
        run = replace(run, key=await secret_of(run))
    is_transcription = step == "transcription"
    options = {"extra_query": {"intent": "transcription"}} if is_transcription else {}
    async with opened(*dial(run, model=MODEL, **options)) as talk:
        if run.kind == "AsyncAzureOpenAI.realtime" and not is_transcription:
            await talk.update()
        await STEPS[step](talk)


main(take)
