"""Programs of either dialect talk with a service of either dialect, through the real server.

The service is the engine, strict in both dialects, with scripted senses. Each event that a program
gets is judged by a judge of its dialect, and each that the service sends by one of the service's:
neither knows the tables of the translation. A tap at the service's side sees that nothing of what
the server sends there is refused.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtclient.engine import scripted
from rtclient.engine.door import DoorRules
from rtclient.engine.profiles import AZURE
from rtclient.engine.senses import Call, Say
from rtclient.engine.serve import serve
from server.check import check
from server.settings import load_settings
from tests.support.app import RunningApp, serving
from tests.support.azure_peer import KEY
from tests.support.programs import GA, PREVIEW, VOCABULARIES, Program, Vocabulary
from tests.support.talker import talking
from tests.support.tap import Tap

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = "Hello there."
ANSWER = "Hi."
"""Short: speech goes out at four times the speed of talking."""
LONG = "tell me a story"
STORY = " ".join(["one two three four five"] * 40)
QUESTION = "how is the weather"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
}
ANSWERS = {
    WORDS.lower(): [Say(ANSWER)],
    LONG: [Say(STORY)],
    QUESTION: [Say("Let me see."), Call("get_weather", '{"place": "Paris"}')],
}
VAD = {"type": "server_vad", "silence_duration_ms": 300}


# ------------------------------------------------------------ the stories


async def text(program: Program) -> None:
    """Words are typed and answered in words; an earlier answer is part of the talk."""
    session = await program.begin(speaks=False)
    assert session.get("temperature") == (0.7 if program.words is PREVIEW else None)
    part = {"type": program.words.part, "text": "I am listening."}
    before = {"type": "message", "role": "assistant", "content": [part]}
    await program.send("conversation.item.create", item=before)
    assert (await program.until(program.words.added))["item"]["content"] == [part]
    await program.say("good morning")
    wishes = program.words.wishes(speaks=False)
    await program.send("response.create", response=wishes | {"metadata": {"topic": "greeting"}})
    response = await program.done()
    assert response["metadata"] == {"topic": "greeting"}
    assert program.said(program.words.text) == "You said: good morning"
    (item,) = response["output"]
    assert item["content"][0] == {"type": program.words.part, "text": "You said: good morning"}


async def audio_by_vad(program: Program) -> None:
    """Somebody speaks, falls silent, is understood and answered, all by itself."""
    await program.begin(turn_detection=VAD)
    await program.speak(quiet_ms=500)
    await program.done()
    completed = "conversation.item.input_audio_transcription.completed"
    if not program.of(completed):
        await program.until(completed)
    assert program.of(completed)[0]["transcript"] == WORDS
    assert program.said(program.words.transcript) == ANSWER
    assert program.heard_ms() > 100
    assert len(program.of("input_audio_buffer.speech_started")) == 1


async def audio_manual(program: Program) -> None:
    """The program itself says where a turn ends; the explicit null keeps detection off."""
    await program.begin(turn_detection=None)
    await program.speak(quiet_ms=1000)
    await program.send("input_audio_buffer.commit")
    await program.until("input_audio_buffer.committed")
    await program.until("conversation.item.input_audio_transcription.completed")
    assert not program.of("input_audio_buffer.speech_started")
    assert not program.of("response.created")
    await program.send("response.create", response=program.words.wishes(speaks=True))
    await program.done()
    assert program.said(program.words.transcript) == ANSWER


async def tool(program: Program) -> None:
    """A tool is called behind some words, and what it returned is told."""
    session = await program.begin(speaks=False, tools=[TOOL])
    assert session["tools"] == [TOOL]
    await program.say(QUESTION)
    await program.send("response.create")
    said, call = (await program.done())["output"]
    assert said["content"] == [{"type": program.words.part, "text": "Let me see."}]
    assert json.loads(call["arguments"]) == {"place": "Paris"}
    (arguments,) = program.of("response.function_call_arguments.done")
    assert (arguments["name"], arguments["call_id"]) == ("get_weather", call["call_id"])
    item = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    await program.send("conversation.item.create", item=item)
    await program.send("response.create")
    await program.done()
    assert program.said(program.words.text) == "Let me see.The tool says: sunny"


async def barge_in(program: Program) -> None:
    """A long answer is interrupted by speech, cut to what was heard, and the talk goes on."""
    await program.begin(turn_detection=VAD)
    await program.say(LONG)
    await program.send("response.create")
    delta = await program.until(f"{program.words.speech}.delta")
    await program.speak(quiet_ms=500)
    await program.done("cancelled")
    cut = {"item_id": delta["item_id"], "content_index": 0, "audio_end_ms": 20}
    await program.send("conversation.item.truncate", **cut)
    assert cut.items() <= (await program.until("conversation.item.truncated")).items()
    if len(program.of("response.done")) < 2:
        await program.done()
    assert program.said(program.words.transcript).endswith(ANSWER)


async def transcription(program: Program) -> None:
    """Turns are written down and not answered."""
    listens = program.words.session(turn_detection=VAD)
    prefix = "transcription_" if program.words.dialect == "preview" else ""
    if program.words.dialect == "ga":
        session = {"type": "transcription", "audio": {"input": listens["audio"]["input"]}}
    else:
        names = ("input_audio_format", "input_audio_transcription", "turn_detection")
        session = {name: listens[name] for name in names}
    await program.until(f"{prefix}session.created")
    await program.send(f"{prefix}session.update", session=session)
    await program.until(f"{prefix}session.updated")
    await program.speak(quiet_ms=500)
    completed = await program.until("conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == WORDS


STORIES = {story.__name__: story for story in (text, audio_by_vad, audio_manual, tool, barge_in)}
Story = Callable[[Program], Awaitable[None]]

# ------------------------------------------------------------ the stage


@dataclass
class Stage:
    """Our server before a service of one dialect, and a tap between them."""

    dialect: str
    app: RunningApp
    tap: Tap
    environment: Mapping[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine_port() -> AsyncIterator[int]:
    """The port of a strict Azure, with scripted senses."""
    senses = scripted.senses(*[WORDS] * 4, answers=ANSWERS)
    rules = DoorRules(profile=AZURE, key=KEY, deployments=("voice",))
    async with serve(senses, rules=rules) as engine:
        yield engine.address[1]


def settings_for(port: int, dialect: str) -> dict[str, str]:
    """The lines of `.env` for the engine as an Azure of this dialect."""
    return {
        "UPSTREAM": "azure",
        "AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{port}",
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT": "voice",
        "AZURE_OPENAI_DIALECT": dialect,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["ga", "preview"])
async def stage(
    request: pytest.FixtureRequest, engine_port: int, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A service of either dialect, with our server before it."""
    folder: Path = tmp_path_factory.mktemp("app")
    environment = settings_for(engine_port, request.param)
    tap = Tap()
    async with serving(environment, folder, tap=tap) as app:
        yield Stage(request.param, app, tap, environment)


def judged(events: Iterable[dict[str, Any]], words: Vocabulary) -> None:
    """Let the judge of a dialect see all events; those of our own are none of its business."""
    judge = words.judge()
    for event in events:
        if not event["type"].startswith("parley."):
            judge.see(event)
    judge.end()


async def played(stage: Stage, client: str, story: Story, path: str = "") -> None:
    """Play a story; every event on either side is as its dialect has it, and none is an error."""
    words = VOCABULARIES[client]
    async with talking(stage.app.port, path or words.path) as talker:
        await story(Program(talker, words))
    judged(talker.events, words)
    received = stage.tap.lines[-1].received  # it may end in the middle of something
    service = VOCABULARIES[stage.dialect].judge()
    for event in received:
        service.see(event)
    assert "error" not in [event["type"] for event in (*talker.events, *received)]


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("client", VOCABULARIES)
async def test_a_program_on_its_own_path(stage: Stage, client: str, story: str) -> None:
    await played(stage, client, STORIES[story])


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("client", VOCABULARIES)
async def test_a_program_on_the_path_of_the_page(stage: Stage, client: str, story: str) -> None:
    await played(stage, client, STORIES[story], f"/ws?dialect={client}")


@pytest.mark.parametrize("client", VOCABULARIES)
async def test_a_program_that_only_transcribes(stage: Stage, client: str) -> None:
    path, _, query = VOCABULARIES[client].path.partition("?")
    version = query.partition("&")[0] if client == "preview" else ""
    await played(stage, client, transcription, f"{path}?intent=transcription&{version}")
    update = stage.tap.lines[-1].sent[0]["type"]
    expected = {"ga": "session.update", "preview": "transcription_session.update"}
    assert update == expected[stage.dialect]


async def test_the_temperature_reaches_a_service_that_has_one(stage: Stage) -> None:
    await played(stage, "preview", text)
    (update,) = [e for e in stage.tap.lines[-1].sent if e["type"] == "session.update"]
    expected = {"ga": None, "preview": 0.7}[stage.dialect]
    assert update["session"].get("temperature") == expected


async def test_a_voice_of_the_settings_that_the_preview_lacks_costs_no_session(
    engine_port: int, tmp_path: Path
) -> None:
    environment = settings_for(engine_port, "preview") | {"AZURE_OPENAI_VOICE": "cedar"}
    tap = Tap()
    async with serving(environment, tmp_path, tap=tap) as app, talking(app.port) as talker:
        updated = (await talker.until("session.updated"))["session"]
    assert updated["audio"]["output"]["voice"] == "alloy"
    first, second = (event["session"] for event in tap.lines[0].sent)
    assert (first["voice"], second.get("voice")) == ("cedar", None)
    assert second == {key: value for key, value in first.items() if key != "voice"}


async def test_a_voice_that_only_ga_has_is_replaced_for_the_preview(stage: Stage) -> None:
    async with talking(stage.app.port, GA.path) as talker:
        await talker.until("session.created")
        session = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
        await talker.send("session.update", session=session)
        updated = (await talker.until("session.updated"))["session"]
    expected = {"ga": "cedar", "preview": "alloy"}[stage.dialect]
    assert updated["audio"]["output"]["voice"] == expected


async def test_the_check_accepts_the_service(stage: Stage, tmp_path: Path) -> None:
    verdict = await check(load_settings(stage.environment, tmp_path))
    assert verdict.is_ok, verdict.lines


@pytest.mark.parametrize(
    ("client", "param"),
    [
        ("ga", "session.audio.input.turn_detection.threshold"),
        ("preview", "session.turn_detection.threshold"),
    ],
)
async def test_an_error_names_the_place_as_the_program_spells_it(
    stage: Stage, client: str, param: str
) -> None:
    words = VOCABULARIES[client]
    async with talking(stage.app.port, words.path) as talker:
        await talker.until("session.created")
        session = words.session(turn_detection={"type": "server_vad", "threshold": 5})
        await talker.send("session.update", event_id="mine", session=session)
        error = (await talker.until("error"))["error"]
    assert (error["code"], error["param"]) == ("invalid_value", param)
    assert error["event_id"] == "mine"
    assert f"'{param}'" in error["message"]
    judged(talker.events, words)
