"""`rtclient talk` against the engine: files, pipes, typed lines, and a real terminal."""

import io
import json
import re
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtclient.sound_files import read_sound, write_wav
from rtclient.talk.options import TalkOptions
from rtclient.talk.program import talk
from rtclient.testing import engine, silence, speech
from tests.support.servers import ROOT, clean_environment, scripted_engine
from tests.support.terminal import terminal

pytestmark = pytest.mark.timeout(30)  # sound takes its time, and a busy machine more
SCENARIO = {"turns": [{"hear": "what time is it", "answer": "It is ten."}]}
QUICK: dict[str, Any] = {"silence_ms": 200, "transcription": "whisper-1", "chunk_ms": 40}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of an engine whose senses are tables, for the programs of this file."""
    with scripted_engine() as address:
        yield address


async def talked(
    scenario: dict[str, Any] | None = None, *faults: str, **options: Any
) -> tuple[int, str]:
    """Hold a conversation in this process; return the exit code and what was shown."""
    out = io.StringIO()
    async with engine(scenario or SCENARIO, faults=faults) as endpoint:
        code = await talk(TalkOptions(**{**QUICK, **options}), endpoint, out=out)
    return code, out.getvalue()


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def is_loud(pcm: bytes) -> bool:
    return max(memoryview(pcm).cast("h"), default=0) > 1000


async def test_a_file_is_answered_into_a_file(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", speech(500))
    code, shown = await talked(
        wav=tmp_path / "in.wav",
        out=tmp_path / "out.wav",
        record=tmp_path / "record",
        debug=str(tmp_path / "log"),
    )
    assert (code, shown) == (0, "You: what time is it\nModel: It is ten.\n")
    with wave.open(str(tmp_path / "out.wav")) as file:
        pcm = file.readframes(file.getnframes())
    assert not is_loud(pcm[: 48 * 600]), "the person was not done"
    assert is_loud(pcm)
    names = {path.name for path in (tmp_path / "record").iterdir()}
    assert names == {"conversation.wav", "conversation.json", "conversation.md"}
    assert "It is ten." in (tmp_path / "record" / "conversation.md").read_text()
    log = (tmp_path / "log").read_text()
    assert "response.done" in log
    assert "is ten" not in log
    assert "what time" not in log


async def test_who_speaks_over_the_model_interrupts_it(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", speech(400) + silence(1200) + speech(500))
    long_answer = "One two three four five six seven eight nine ten. " * 3
    turns = [{"hear": "count", "answer": long_answer}, {"hear": "stop", "answer": "Good."}]
    code, shown = await talked(
        {"turns": turns},
        wav=tmp_path / "in.wav",
        out=tmp_path / "out.wav",
        debug=str(tmp_path / "log"),
    )
    first, answer, *rest = shown.splitlines()
    assert (code, first, rest) == (0, "You: count", ["You: stop", "Model: Good."])
    assert answer.startswith("Model: One")
    assert answer.endswith(" —")
    assert len(answer) < len(long_answer)
    (cut,) = (e for e in events(tmp_path / "log") if e["type"] == "conversation.item.truncate")
    assert 0 < cut["audio_end_ms"] < 2000


async def test_a_file_in_which_nobody_speaks_is_told(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", silence(500))
    code, shown = await talked(wav=tmp_path / "in.wav", out=tmp_path / "out.wav")
    assert code == 0
    assert "No speech was heard" in shown


async def test_behind_the_greeting_a_whole_file_is_one_turn_of_push_to_talk(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", speech(300) + silence(400) + speech(300))
    code, shown = await talked(
        wav=tmp_path / "in.wav", out=tmp_path / "out.wav", push_to_talk=True, greeting="Welcome."
    )
    greeting, *lines = shown.splitlines()
    assert greeting.startswith("Model: ")
    assert (code, lines) == (0, ["You: what time is it", "Model: It is ten."])


async def test_a_lost_connection_is_told_and_the_conversation_goes_on(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", speech(300) + silence(2000) + speech(300))
    code, shown = await talked(
        SCENARIO,
        "close:1006@response.done#1,session=1",
        wav=tmp_path / "in.wav",
        out=tmp_path / "out.wav",
    )
    assert code == 0
    assert "(The connection was lost, and is back after" in shown
    said = [line for line in shown.splitlines() if not line.startswith("(")]
    assert said[0] == "You: what time is it"
    assert said[-2:] == ["You: what time is it", "Model: It is ten."]
    assert len(said) == 4, "the first answer was cut short, and is shown once"


async def test_of_a_broken_answer_all_is_told_that_was_heard_and_what_is_lost(
    tmp_path: Path,
) -> None:
    write_wav(tmp_path / "in.wav", speech(300))
    code, shown = await talked(
        {"turns": [{"hear": "count", "answer": "One two three four five six seven. " * 2}]},
        "close:1006@response.output_audio.delta#3,session=1",
        wav=tmp_path / "in.wav",
        out=tmp_path / "out.wav",
    )
    assert code == 0
    assert "(Lost with it: the rest of an answer.)" in shown
    assert re.search(r"^Model: One .+ —$", shown, re.MULTILINE)


async def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, shown = await talked(output_device="no such loudspeaker")
    assert code == 1
    assert "--list-devices" in shown


async def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    code, shown = await talked(wav=tmp_path / "none.wav", out=tmp_path / "out.wav")
    assert code == 1
    assert "none.wav cannot be read" in shown
    write_wav(tmp_path / "in.wav", speech(20))
    code, shown = await talked(wav=tmp_path / "in.wav", out=tmp_path / "no folder" / "out.wav")
    assert code == 1
    assert "out.wav cannot be written: No such file or directory." in shown
    code, shown = await talked(wav=tmp_path / "in.wav", out=tmp_path / "in.wav")
    assert code == 1
    assert "name another file" in shown
    assert read_sound(tmp_path / "in.wav") == speech(20)


def test_raw_sound_goes_through_pipes(address: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "rtclient", "talk", "--url", address)
    done = subprocess.run(
        [*command, "--stdin", "--stdout", "--silence-ms", "200", "--transcription", "ears"],
        input=speech(500),
        capture_output=True,
        env=clean_environment({}),
        cwd=tmp_path,
        check=True,
    )
    assert is_loud(done.stdout)
    assert "Model: " in done.stderr.decode()


def test_lines_of_a_pipe_are_answered_in_text(address: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "rtclient", "talk", "--url", address, "--text-only")
    done = subprocess.run(
        command,
        input=b"good morning\nand good night\n",
        capture_output=True,
        env=clean_environment({}),
        cwd=tmp_path,
        check=True,
    )
    lines = done.stdout.decode().splitlines()
    assert [line.split(":")[0] for line in lines] == ["You", "Model", "You", "Model"]
    assert lines[2] == "You: and good night"


async def test_in_a_terminal_one_types_and_reads_and_leaves_with_ctrl_c(
    address: str, tmp_path: Path
) -> None:
    command = (sys.executable, "-m", "rtclient", "talk", "--url", address, "--text-only")
    async with terminal(*command, folder=tmp_path) as screen:
        await screen.until("ready")
        screen.type("good mornong\x7f\x7f\x7fing")
        await screen.until("› +good morning")
        screen.type("\r")
        await screen.until("Model .*good morning")
        await screen.until("tokens")
        screen.type("\x03")
        assert await screen.ended() == 0
        assert "Ctrl+C ends" not in screen.text, "the foot is taken away"
        assert "Traceback" not in screen.text


async def test_without_a_live_screen_one_sees_what_one_types(address: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "rtclient", "talk", "--url", address, "--text-only")
    async with terminal(*command, folder=tmp_path, environment={"TERM": "dumb"}) as screen:
        await screen.until("type and press Enter")
        screen.type("good m")
        await screen.until("\ngood m")
        screen.type("orning\r")
        await screen.until("Model: .*good morning")
        screen.type("\x04")
        assert await screen.ended() == 0


async def test_who_ends_it_from_outside_gets_the_terminal_back(
    address: str, tmp_path: Path
) -> None:
    command = (sys.executable, "-m", "rtclient", "talk", "--url", address, "--text-only")
    async with terminal(*command, folder=tmp_path) as screen:
        await screen.until("ready")
        screen.signal(signal.SIGTERM)
        assert await screen.ended() == 143
        assert "Ctrl+C ends" not in screen.text, "the foot is taken away"
        assert "Traceback" not in screen.text


@pytest.mark.parametrize(
    ("closed", "code"), [("<&-", 0), ("<&- >&-", 0), ("<&- 2>&-", 0), ("</dev/null >/dev/full", 1)]
)
def test_streams_that_cannot_be_used_are_no_traceback(
    address: str, tmp_path: Path, closed: str, code: int
) -> None:
    write_wav(tmp_path / "in.wav", speech(300))
    command = "talk --wav in.wav --out out.wav --silence-ms 200 --transcription ears"
    done = subprocess.run(
        f"{sys.executable} -m rtclient {command} --url {address} {closed}",
        shell=True,
        capture_output=True,
        env=clean_environment({}),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert (b"No space left on device" in done.stderr) == bool(code)


async def test_nothing_is_left_over_when_the_terminal_becomes_narrower() -> None:
    program = (
        "import os, sys, tty\n"
        "from rtclient.talk.captions import Line\n"
        "from rtclient.talk.screen import LiveScreen\n"
        "from rtclient.talk.view import View\n"
        "tty.setcbreak(0)\n"
        "screen = LiveScreen(sys.stdout)\n"
        "screen.line(Line('you', 'Tell me a story'))\n"
        "screen.update(View('wide', live=(Line('model', 'Once there was a voice. ' * 5),)))\n"
        "os.read(0, 1)\n"
        "screen.update(View('narrow', live=(Line('model', 'Once there was a voice.'),)))\n"
        "os.read(0, 1)\n"
        "screen.close()\n"
    )
    async with terminal(sys.executable, "-c", program) as screen:
        await screen.until("wide")
        screen.narrow(40)
        screen.type("x")
        await screen.until("narrow")
        assert [row for row in screen.rows if row] == [
            "You    Tell me a story",
            "Model  Once there was a voice.",
            "─" * 40,
            "you   ░░░░░           model ░░░░░",
            "● narrow",
        ]
        screen.type("x")
        assert await screen.ended() == 0
        assert screen.text == "You    Tell me a story"


async def test_libraries_that_complain_do_not_tear_the_screen() -> None:
    program = (
        "import os, sys\n"
        "from rtclient.talk.screen import undisturbed\n"
        "with undisturbed(sys.stdout) as out:\n"
        "    os.write(2, b'underrun')\n"
        "    print('words', file=out)\n"
        "os.write(2, b'afterwards')\n"
    )
    async with terminal(sys.executable, "-c", program) as screen:
        assert await screen.ended() == 0
        assert screen.text.split() == ["words", "afterwards"]


def test_contradicting_options_are_told_with_the_reason(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rtclient", "talk", "--upstream", "engine", "--commit-every", "8"],
        capture_output=True,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "voice activity detection" in " ".join(done.stderr.decode().split())
