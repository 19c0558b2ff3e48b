"""The commands as programs: against the engine, in pipes and on a real terminal."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtclient.engine_process import engine_process
from rtclient.sound_files import duration_s, write_wav
from rtclient.testing import PeerSession, ScriptedPeer, greet, session_created, silence, speech
from tests.support.servers import child, scripted_engine
from tests.support.terminal import terminal


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """The address of an engine whose senses are tables, for all tests of this file."""
    with scripted_engine("--transcription-deployment", "ears") as address:
        yield address


async def run(*arguments: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Run `rtclient ARGUMENTS`; return its exit code, stdout and stderr."""
    async with child("-m", "rtclient", *arguments, environment=environment, folder=folder) as kid:
        code = await kid.ended()
    return code, text(kid.stdout), text(kid.stderr)


def text(data: bytes | bytearray) -> str:
    return bytes(data).decode()


def recording(folder: Path, count: int) -> str:
    """A file with so many turns in it."""
    write_wav(folder / "talk.wav", (speech(1500) + silence(1000)) * count)
    return "talk.wav"


async def test_the_doctor_finds_everything_well(engine: str, tmp_path: Path) -> None:
    code, out, err = await run(
        "doctor", "--url", engine, "--no-devices", folder=tmp_path, TRANSCRIPTION_MODEL="ears"
    )
    assert code == 0, out + err
    steps = {line.split()[1]: line.split()[0] for line in out.splitlines() if line[0] != " "}
    assert steps["TLS"] == "skip"
    assert {verdict for step, verdict in steps.items() if step != "TLS"} == {"ok"}
    assert len(steps) == 9


async def test_the_doctor_says_what_fails_in_words_and_in_json(engine: str, tmp_path: Path) -> None:
    code, out, _ = await run(
        "doctor",
        "--json",
        "--no-devices",
        folder=tmp_path,
        AZURE_OPENAI_ENDPOINT=engine,
        AZURE_OPENAI_API_KEY="any_key",
        AZURE_OPENAI_DEPLOYMENT="voice",
        AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT="deaf",
    )
    report = json.loads(out)
    failed = [finding for finding in report["findings"] if finding["verdict"] == "fail"]
    assert (code, report["ok"]) == (1, False)
    assert [finding["step"] for finding in failed] == ["transcription"]
    assert "AZURE_OPENAI_TRANSCRIPTION_DEPLOYMENT" in failed[0]["advice"]


async def test_missing_settings_are_all_named(tmp_path: Path) -> None:
    code, out, _ = await run("doctor", "--no-devices", folder=tmp_path, UPSTREAM="azure")
    assert code == 1
    assert "AZURE_OPENAI_ENDPOINT is missing" in out
    code, _, err = await run("transcribe", "x.wav", folder=tmp_path, UPSTREAM="azure")
    assert code == 2
    assert "AZURE_OPENAI_ENDPOINT is missing" in err
    assert "AZURE_OPENAI_DEPLOYMENT is missing" in err


async def test_a_file_is_transcribed_piece_by_piece(engine: str, tmp_path: Path) -> None:
    arguments = ("transcribe", recording(tmp_path, 6), "--url", engine, "--transcription", "ears")
    code, out, err = await run(*arguments, folder=tmp_path)
    assert code == 0, err
    assert len(out.splitlines()) == 6
    code, out, err = await run(*arguments, "--json", folder=tmp_path)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [round(line["end_ms"], -3) for line in lines] == [2000, 4000, 7000, 9000, 12000, 14000]
    assert all(line["text"] for line in lines)


async def test_a_file_in_which_nobody_speaks_is_told(engine: str, tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", silence(500))
    code, out, err = await run("transcribe", "in.wav", "--url", engine, folder=tmp_path)
    assert (code, out) == (0, "")
    assert "No words are heard in the file." in err


async def test_a_model_that_cannot_transcribe_is_told(engine: str, tmp_path: Path) -> None:
    code, out, err = await run(
        *("transcribe", recording(tmp_path, 2), "--url", engine, "--transcription", "deaf"),
        folder=tmp_path,
    )
    assert (code, out) == (1, "")
    assert "Not transcribed: 0:00 to 0:01." in err
    assert "--transcription" in err


async def test_a_lost_connection_costs_no_line_and_brings_none_twice(tmp_path: Path) -> None:
    faults = [
        "close:1006@conversation.item.input_audio_transcription.completed#2,session=1",
        "close:1001@input_audio_buffer.committed#3,session=2",
    ]
    async with engine_process(
        "--senses", "scripted", *(f"--fault={fault}" for fault in faults)
    ) as endpoint:
        code, out, err = await run(
            *("transcribe", recording(tmp_path, 6), "--json"),
            *("--url", endpoint.url.replace("ws", "http").partition("/v1")[0]),
            folder=tmp_path,
            ACCESS_TOKEN=endpoint.secrets[0],
        )
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0, err
    assert [round(line["end_ms"], -3) for line in lines] == [2000, 4000, 7000, 9000, 12000, 14000]
    assert all(line["text"] for line in lines)


async def test_a_preview_service_transcribes_too(engine: str, tmp_path: Path) -> None:
    code, out, err = await run(
        *("transcribe", recording(tmp_path, 2), "--transcription", "ears"),
        folder=tmp_path,
        AZURE_OPENAI_ENDPOINT=engine,
        AZURE_OPENAI_API_KEY="any_key",
        AZURE_OPENAI_DEPLOYMENT="voice",
        AZURE_OPENAI_DIALECT="preview",
    )
    assert (code, len(out.splitlines())) == (0, 2), err
    assert "preview dialect" in err


async def test_a_reader_that_leaves_early_is_no_trouble(engine: str, tmp_path: Path) -> None:
    pipe = f"{sys.executable} -m rtclient doctor --no-devices --url {engine} | head -1"
    async with child("-c", pipe, folder=tmp_path, program="/bin/sh") as kid:
        assert await kid.ended() == 0
    assert text(kid.stdout).startswith("ok    settings")
    assert len(text(kid.stdout).splitlines()) == 1
    assert text(kid.stderr) == ""


async def test_a_profile_chooses_too(engine: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"url: {engine}\ntranscription: ears\nno-devices: true\n")
    file = recording(tmp_path, 1)
    code, out, err = await run("transcribe", file, "--profile", "mine.yaml", folder=tmp_path)
    assert (code, len(out.splitlines())) == (0, 1), err
    (tmp_path / "mine.yaml").write_text("sillence: 300\n")
    code, _, err = await run("transcribe", file, "--profile", "mine.yaml", folder=tmp_path)
    assert code == 2
    assert "sillence is no option" in err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nothing.wav", None, "cannot be read"),
        ("broken.wav", b"RIFF????WAVEjunk", "broken.wav"),
    ],
)
async def test_a_file_that_is_no_sound_is_told(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, err = await run("transcribe", name, folder=tmp_path, UPSTREAM="engine")
    assert (code, out) == (1, "")
    assert words in err
    assert "Traceback" not in err


async def test_nobody_at_the_address_is_told(tmp_path: Path) -> None:
    code, _, err = await run(
        *("transcribe", recording(tmp_path, 1), "--url", "localhost:1"), folder=tmp_path
    )
    assert code == 1
    assert "--url" in err
    assert "Traceback" not in err


async def test_words_are_shown_as_they_come_and_the_same_at_the_end(
    engine: str, tmp_path: Path
) -> None:
    arguments = ("transcribe", recording(tmp_path, 3), "--url", engine, "--transcription", "ears")
    _, plain, _ = await run(*arguments, folder=tmp_path)
    async with terminal(sys.executable, "-m", "rtclient", *arguments, folder=tmp_path) as screen:
        assert await screen.ended() == 0
        lines = screen.text.splitlines()
    assert lines[0] == "Voice service: a Parley server"
    assert lines[1:] == plain.splitlines()


async def test_ctrl_c_ends_it_with_130_and_no_traceback(tmp_path: Path) -> None:
    async with ScriptedPeer(greet) as peer:
        address = peer.url.replace("ws", "http")
        async with terminal(
            *(sys.executable, "-m", "rtclient"),
            *("transcribe", recording(tmp_path, 1), "--url", address),
            folder=tmp_path,
        ) as screen:
            session = await peer.session()
            await session.expect("session.update")
            screen.type("\x03")
            assert await screen.ended() == 130
            assert "Traceback" not in screen.text
        await session.closed.wait()


# Talk ---------------------------------------------------------------------------------------------


async def test_a_file_is_answered_into_a_file_without_a_sound_card(
    engine: str, tmp_path: Path
) -> None:
    write_wav(tmp_path / "word.wav", speech(300))
    code, out, err = await run(
        *("talk", "--wav", "word.wav", "--out", "answer.wav", "--url", engine),
        *("--silence-ms", "200"),
        folder=tmp_path,
        TRANSCRIPTION_MODEL="ears",
    )
    assert code == 0, err
    assert re.search(r"^You: +\S+.*\n^Model: +\S", out, re.MULTILINE)
    assert duration_s(tmp_path / "answer.wav") > 1.0


async def test_a_conversation_is_typed_in_a_terminal_and_ended_by_ctrl_c(
    engine: str, tmp_path: Path
) -> None:
    async with terminal(
        *(sys.executable, "-m", "rtclient", "talk", "--text-only", "--url", engine),
        folder=tmp_path,
        environment={"TRANSCRIPTION_MODEL": "off"},
    ) as screen:
        await screen.until("type and press Enter")
        screen.type("good morning")
        await screen.until("good morning")
        screen.type("\r")
        await screen.until(r"You +good morning\n+Model +\S+")
        screen.type("\x03")
        assert await screen.ended() == 0
        assert "Traceback" not in screen.text
        assert len(re.findall(r"^You +good morning$", screen.text, re.MULTILINE)) == 1


async def test_options_that_contradict_end_with_2_and_the_reason(tmp_path: Path) -> None:
    code, _, err = await run("talk", "--commit-every", "4", folder=tmp_path)
    assert code == 2
    assert len(err.splitlines()) == 3, "no list of all options before the reason"
    assert "--commit-every needs --push-to-talk" in err


async def test_a_refused_key_is_told_with_the_setting(tmp_path: Path) -> None:
    async with ScriptedPeer(status=401) as peer:
        code, _, err = await run(
            *("talk", "--text-only"),
            folder=tmp_path,
            OPENAI_API_KEY="canary_key_0123456789",
            OPENAI_BASE_URL=peer.url.replace("ws", "http"),
        )
    assert code == 1
    assert "Check OPENAI_API_KEY. The service said: HTTP 401." in err
    assert "canary" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [("talk", "--text-only"), ("transcribe", "talk.wav")])
async def test_a_key_that_is_refused_after_the_handshake_is_told_too(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    async def refuse(session: PeerSession) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": "canary"}
        await session.send({"type": "error", "event_id": "e", "error": error})
        await session.close(3000)

    recording(tmp_path, 1)
    async with ScriptedPeer(refuse) as peer:
        code, out, err = await run(
            *command,
            folder=tmp_path,
            OPENAI_API_KEY="canary_key_0123456789",
            OPENAI_BASE_URL=peer.url.replace("ws", "http"),
        )
    assert code == 1
    assert "Check OPENAI_API_KEY." in out + err
    assert "canary" not in out + err
    assert "Traceback" not in err


async def test_a_failed_transcription_is_told_while_the_conversation_goes_on(
    tmp_path: Path,
) -> None:
    item = {"item_id": "item_1", "content_index": 0}
    failed = "conversation.item.input_audio_transcription.failed"
    error = {"type": "server_error", "code": "model_not_found", "message": "spoken words"}

    async def deaf(session: PeerSession) -> None:
        await greet(session)
        update = await session.expect("session.update")
        told = {"event_id": "e1", "session": {**session_created()["session"], **update["session"]}}
        await session.send({"type": "session.updated", **told})
        await session.send({"type": "input_audio_buffer.committed", "event_id": "e2", **item})
        await session.send({"type": failed, "event_id": "e3", "error": error, **item})

    async with ScriptedPeer(deaf) as peer:
        settings = {"OPENAI_BASE_URL": peer.url.replace("ws", "http")}
        async with terminal(
            *(sys.executable, "-m", "rtclient", "talk", "--text-only"),
            folder=tmp_path,
            environment=settings,
        ) as screen:
            await screen.until(r"The transcription of what you said\s+failed")
            await screen.until("TRANSCRIPTION_MODEL")
            await screen.until("type and press Enter")
            assert "spoken words" not in screen.text
            screen.type("\x03")
            assert await screen.ended() == 0
