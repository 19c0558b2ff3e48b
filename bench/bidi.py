"""A headless Firefox with a page that one looks at and clicks, by WebDriver BiDi.

BiDi is spoken directly over the browser's WebSocket, as much of it as `bench.firefox` needs; there
is no driver program in between.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bench.pulse import program, until

ANSWER_LIMIT_S = 30.0
PREFERENCES = """user_pref("permissions.default.microphone", 1);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"""
REPORT_VIOLATIONS = """(report) => addEventListener(
  "securitypolicyviolation",
  ({ effectiveDirective, blockedURI }) => report(`${effectiveDirective} refused ${blockedURI}`),
)"""


class Lost(RuntimeError):
    """The browser did not answer or went away: the run says nothing about the page."""


class Tab:
    """The browser's first tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self.complaints: list[str] = []
        """Errors and warnings of the console, uncaught errors, and violations of the policy."""
        self.version = ""
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._context = ""

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its result; raises Lost."""
        number = len(self._answers) + 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                command = {"id": number, "method": method, "params": parameters}
                await self._socket.send(json.dumps(command))
                message = await answer
        except (TimeoutError, ConnectionClosed) as exc:
            raise Lost(f"no answer to {method} ({type(exc).__name__})") from exc
        if message["type"] == "error":
            raise Lost(f"{method}: {message['error']}: {message['message']}")
        result: dict[str, Any] = message["result"]
        return result

    async def read(self) -> None:
        """Sort what comes in, until the connection ends."""
        fault = "the browser closed the connection"
        try:
            async for text in self._socket:
                self._take(json.loads(text))
        except ConnectionClosed as exc:
            fault = f"the connection broke ({exc})"
        except (KeyError, ValueError) as exc:
            fault = f"the browser sent what this driver does not understand ({exc!r})"
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Lost(fault))

    def _take(self, message: dict[str, Any]) -> None:
        about = message.get("params", {})
        if message["type"] in ("success", "error"):
            answer = self._answers.get(message.get("id") or 0)
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message["method"] == "script.message":
            self.complaints.append(f"policy: {about['data']['value']}")
        elif message["method"] == "log.entryAdded" and about["level"] in ("error", "warn"):
            self.complaints.append(f"{about['level']}: {about['text']}")

    async def begin(self) -> None:
        """Open a session, find the tab, listen for complaints."""
        session = await self.call("session.new", capabilities={})
        self.version = session["capabilities"]["browserVersion"]
        await self.call("session.subscribe", events=["log.entryAdded", "script.message"])
        channel = {"type": "channel", "value": {"channel": "violations"}}
        await self.call(
            "script.addPreloadScript", functionDeclaration=REPORT_VIOLATIONS, arguments=[channel]
        )
        self._context = (await self.call("browsingContext.getTree"))["contexts"][0]["context"]

    async def open(self, url: str) -> None:
        """Load a page, with everything that belongs to it."""
        await self.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def click(self, selector: str) -> None:
        """Press and release the mouse on the first match: a gesture as a person's."""
        locator = {"type": "css", "value": selector}
        found = await self.call(
            "browsingContext.locateNodes", context=self._context, locator=locator
        )
        origin = {"type": "element", "element": {"sharedId": found["nodes"][0]["sharedId"]}}
        steps = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        await self.call("input.performActions", context=self._context, actions=[mouse])

    async def ask(self, expression: str) -> Any:
        """Evaluate JavaScript in the page; its value, as JSON carries it. No user gesture."""
        answer = await self.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise Lost(f"the page threw: {answer['exceptionDetails']['text']}")
        return json.loads(answer["result"]["value"])


@contextlib.asynccontextmanager
async def firefox(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Tab]:
    """Run a headless Firefox with a new profile until the block ends; `folder` must be empty."""
    (folder / "user.js").write_text(PREFERENCES)
    address = folder / "WebDriverBiDiServer.json"
    options = ("--headless", "--profile", str(folder), "--remote-debugging-port", "0")

    async def is_up() -> bool:
        return address.exists()

    output = folder / "firefox.out"
    async with program("firefox-esr", *options, environment=environment, output=output) as process:
        await until("Firefox's start", is_up)
        url = f"ws://127.0.0.1:{json.loads(address.read_text())['ws_port']}/session"
        try:
            async with connect(url, max_size=None, proxy=None) as socket:
                tab = Tab(socket)
                reading = asyncio.create_task(tab.read())
                try:
                    await tab.begin()
                    yield tab
                finally:
                    reading.cancel()
        except (Lost, OSError, WebSocketException) as exc:
            with contextlib.suppress(
                TimeoutError
            ):  # its end is known a little later than its silence
                async with asyncio.timeout(2):
                    await process.wait()
            code = process.returncode
            state = "still runs" if code is None else f"ended with {code}"
            raise Lost(f"{exc}; Firefox {state}") from exc
