"""The Dockerfile: read strictly, and its own steps carried out without Docker (layer `image`)."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from scripts import dockerfile_run
from scripts.dockerfile import DockerfileError, Ignore, expand, pairs, parse, stages
from scripts.dockerfile_run import Image

ROOT = Path(__file__).resolve().parents[2]
USER = 10001


# Reading --------------------------------------------------------------------------------------


def test_our_file_is_understood_whole() -> None:
    build, final = stages(parse((ROOT / "Dockerfile").read_text()))
    assert build.name == "build"
    assert [step.name for step in final.steps][-3:] == ["EXPOSE", "HEALTHCHECK", "CMD"]


def test_continued_lines_and_comments_are_joined() -> None:
    (step,) = parse("# first\nRUN one \\\n  # between\n  && two\n")
    assert step.text.split() == ["one", "&&", "two"]
    assert step.line == 2


@pytest.mark.parametrize(
    "text",
    [
        "VOLUME /data",
        "COPY --chown=1:1 a b",
        "RUN --network=none true",
        "HEALTHCHECK NONE",
        'CMD ["python"',
        "USER",
        "RUN a \\",
    ],
)
def test_what_is_not_known_stops_it(text: str) -> None:
    with pytest.raises(DockerfileError, match="line 1"):
        parse(text)


def test_variables_are_put_in() -> None:
    assert expand("$A/${B}c$C", {"A": "1", "B": "2"}) == "1/2c"
    assert pairs('PATH=/a:/b NAME="two words"') == {"PATH": "/a:/b", "NAME": "two words"}


def test_ignored_files_stay_out_of_the_build() -> None:
    ignore = Ignore((ROOT / ".dockerignore").read_text())
    assert [name for name in (".env", ".git/config", "tests/x.py", "server/.env") if
            not ignore.excludes(name)] == []  # fmt: skip
    assert [name for name in ("server/app.py", "public/js/main.js", "requirements.txt") if
            ignore.excludes(name)] == []  # fmt: skip


# Running --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    reason = dockerfile_run.why_not()
    if reason is not None:
        pytest.skip(reason)
    return dockerfile_run.build(ROOT, tmp_path_factory.mktemp("image"), {})


class Container:
    """What `docker run --read-only parley` starts, without Docker."""

    def __init__(self, image: Image) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.env = {"PORT": str(self.port)}
        self.process = dockerfile_run.start(
            image, image.command, env=self.env, read_only=True, stdout=subprocess.PIPE
        )
        self.said = ""

    def read_until(self, words: str) -> str:
        """Return the output up to the line that holds `words`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return line
        raise AssertionError(f"ended before it said {words!r}:\n{self.said}")


@pytest.fixture(scope="module")
def container(image: Image) -> Iterator[Container]:
    started = Container(image)
    try:
        yield started
    finally:
        with started.process:  # waits, and closes the pipe
            started.process.kill()


@pytest.mark.image
def test_container_keeps_its_promises(image: Image, container: Container) -> None:
    """In one test, because the steps build on each other: start, log in, health, user, stop."""
    line = container.read_until("/login?token=")
    link = line[line.index("http") :].split()[0]

    pid = dockerfile_run.main_pid(container.process)
    uids = next(u for u in Path(f"/proc/{pid}/status").read_text().splitlines() if "Uid:" in u)
    expected = USER if os.geteuid() == 0 else os.geteuid()
    assert set(uids.split()[1:]) == {str(expected)}

    health = dockerfile_run.start(image, image.healthcheck, env=container.env, read_only=True)
    assert health.wait(timeout=20) == 0

    token = link.partition("token=")[2]
    page = urllib.request.Request(f"http://127.0.0.1:{container.port}/")
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(page)
    refused.value.close()
    page.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(page) as answer:
        assert b"<title>" in answer.read()

    with connect(
        f"ws://127.0.0.1:{container.port}/ws",
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
        max_size=None,
    ) as talk:
        item = {"type": "message", "role": "user"}
        item |= {"content": [{"type": "input_text", "text": "Tell me a joke"}]}
        talk.send(json.dumps({"type": "conversation.item.create", "item": item}))
        talk.send(json.dumps({"type": "response.create"}))
        kinds = [json.loads(talk.recv(timeout=30))["type"]]
        while kinds[-1] not in {"response.done", "error"}:
            kinds.append(json.loads(talk.recv(timeout=30))["type"])
    assert "response.output_audio.delta" in kinds  # the voice works on a read-only root
    assert kinds[-1] == "response.done"

    os.kill(pid, signal.SIGTERM)
    assert container.process.wait(timeout=15) == 0


@pytest.mark.image
def test_image_runs_as_nobody_in_particular_on_a_read_only_root(image: Image) -> None:
    script = "id -u; touch /app/x /usr/x /tmp/x 2>/dev/null && echo WRITABLE; test -r /app/NOTICE"
    process = dockerfile_run.start(
        image, ["/bin/sh", "-c", script], env={}, read_only=True, stdout=subprocess.PIPE
    )
    said, _ = process.communicate(timeout=20)
    assert said.split() == [str(USER)]
    assert process.returncode == 0


@pytest.mark.image
def test_image_carries_the_licence_of_the_voice_and_no_tests(image: Image) -> None:
    text = image.outside("/usr/share/doc/espeak-ng/copyright").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "https://" in image.outside("/usr/share/doc/espeak-ng/SOURCE").read_text()
    inside = {path.name for path in image.outside("/app").iterdir()}
    assert inside == {"LICENSE", "NOTICE", "rtclient", "server", "public"}
    assert image.exposed == ["3000"]


@pytest.mark.image
def test_voice_can_be_left_out(image: Image, tmp_path: Path) -> None:
    spare = dockerfile_run.build(ROOT, tmp_path, {"VOICE": "none"})
    site = f"/opt/parley/lib/python3.{sys.version_info.minor}/site-packages/espeakng_loader"
    assert image.outside(site).is_dir()
    assert not spare.outside(site).exists()
    assert not spare.outside("/usr/share/doc/espeak-ng/copyright").exists()
