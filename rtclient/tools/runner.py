"""`@client.tool`: functions that the model may call. They run beside the stream.

    @client.tool
    def weather(city: str) -> str:
        return f"Sunny in {city}."

A coroutine function runs in the event loop, a plain one in a thread of its own. What it returns
goes to the model, and the model goes on, once for all calls that it made together. A tool that
fails or takes too long never stops the conversation: the model is told in words, the program by
`client.on("error")`.
"""

import asyncio
import contextlib
import contextvars
import inspect
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Container, Coroutine, Mapping
from typing import Any, Final, NamedTuple

from rtclient.errors import RTError
from rtclient.protocol.conversation import Conversation
from rtclient.tools.kinds import ToolError
from rtclient.tools.rounds import Action, ToolCall, ToolRounds
from rtclient.tools.schema import Signature, as_output

TIMEOUT_S: Final = 30.0
"""How long a tool may take, unless its registration says otherwise."""

_log = logging.getLogger(__name__)


class _Tool(NamedTuple):
    signature: Signature
    function: Callable[..., Any]
    timeout_s: float | None


class Tools:
    """The functions of one client, and the calls that run. A listener of the client."""

    def __init__(
        self,
        conversation: Conversation,
        send: Callable[[dict[str, Any]], Awaitable[object]],
        report: Callable[[str, Exception | None], None],
    ) -> None:
        """Begin without any.

        Args:
            conversation: The mirror of the session.
            send: How a client event goes out, without `flush`.
            report: Is told of a function that failed, in a sentence and with what it raised;
                None: it was cancelled.
        """
        self._conversation = conversation
        self._send = send
        self._report = report
        self._tools: dict[str, _Tool] = {}
        self.rounds = ToolRounds(conversation, self._tools)
        self._has_session = False
        self._sent_tools: list[Any] | None = None
        """The tools of the newest `session.update` that is not confirmed."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False
        self._outbox: deque[dict[str, Any]] = deque()

    def add(
        self,
        function: Callable[..., Any],
        name: str | None,
        description: str | None,
        timeout_s: float | None,
    ) -> None:
        """Offer a function to the model, now or as soon as there is a session."""
        signature = Signature(function, name, description)
        if signature.name in self._tools:
            raise ValueError(f"There is a tool {signature.name!r} already: give it another name.")
        self._tools[signature.name] = _Tool(signature, function, timeout_s)
        if self._has_session:
            self._offer(self._conversation.session)

    def on_server_event(self, event: Mapping[str, Any]) -> None:
        """Take in an event of the server."""
        kind = event.get("type")
        if kind == "session.created" or kind == "session.updated":
            self._has_session = True
            sent, self._sent_tools = _by_name(self._sent_tools), None
            # A server that leaves out what it was sent does not want it: asking again would never
            # end.
            self._offer(refused=sent)
        self._do(self.rounds.on_server_event(event))

    def on_client_event(self, event: Mapping[str, Any]) -> None:
        """Take in an event of the program."""
        if event.get("type") == "session.update" and "tools" in (event.get("session") or {}):
            self._sent_tools = event["session"]["tools"]
        self._do(self.rounds.on_client_event(event))

    def interrupt(self) -> None:
        """Let calls that run come to their end without an answer, unless the person speaks."""
        self.rounds.on_interruption()

    def hold(self) -> None:
        """Let the model say nothing about outputs until `release`."""
        self.rounds.hold()

    def release(self) -> None:
        """Let the model go on."""
        self._do(self.rounds.release())

    async def end(self) -> None:
        """Cancel what runs. A plain function runs on in its thread, and nobody waits for it."""
        self._is_over = True
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Which tools the session knows ----------------------------------------------------------

    def _offer(self, refused: Container[str] = ()) -> None:
        """Add our tools to the session's, where they are missing.

        They are when the session begins, and after the program set the tools itself.
        """
        session = self._conversation.session
        if session.get("type") == "transcription":
            return
        known = {**_by_name(session.get("tools")), **_by_name(self._sent_tools)}
        missing = [name for name in self._tools if name not in known and name not in refused]
        if missing:
            ours = [self._tools[name].signature.definition for name in missing]
            tools = {"type": "realtime", "tools": [*known.values(), *ours]}
            self._post({"type": "session.update", "session": tools})

    # Calls ----------------------------------------------------------------------------------

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, ToolCall):
                self._begin(self._run(action), f"tool {action.name}")
            else:
                self._post(action)

    async def _run(self, call: ToolCall) -> None:
        output = await self._output(self._tools[call.name], call)
        self._do(self.rounds.on_output(call.call_id, output))

    async def _output(self, tool: _Tool, call: ToolCall) -> str:
        limit = asyncio.timeout(tool.timeout_s)
        try:
            arguments = tool.signature.read(call.arguments)
            async with limit:
                return as_output(await _called(tool.function, arguments))
        except ToolError as exc:
            return f"Error: {exc}"
        except (Exception, asyncio.CancelledError) as exc:
            if was_cancelled(exc):
                raise
            if isinstance(exc, TimeoutError) and limit.expired():
                words = f"did not answer within {tool.timeout_s:g} seconds"
            else:
                words = "failed"
            message = f"The tool {call.name} {words} ({type(exc).__name__})."
            _log.error("%s client.on('error') gets the exception.", message)
            self._report(message, exc if isinstance(exc, Exception) else None)
            return f"Error: The tool {words}."

    # What goes out --------------------------------------------------------------------------

    async def flush(self) -> None:
        """Send what waits to be sent. Whoever sends something else does this before."""
        while self._outbox:
            event = self._outbox.popleft()
            try:
                await self._send(event)
            except RTError as exc:
                # Whoever waits for the model is told by the reader of the connection.
                _log.info("A %s of the tools was not sent: %s", event["type"], exc)

    def _post(self, event: dict[str, Any]) -> None:
        """Send an event soon, behind those that were posted before."""
        self._outbox.append(event)
        self._begin(self.flush(), "tools")

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._is_over:  # what was still unread when the client was closed
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _by_name(tools: object) -> dict[str, Any]:
    """Return tools of a session by their names; those of MCP servers by their labels."""
    found: dict[str, Any] = {}
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, Mapping):
            found[str(tool.get("name") or tool.get("server_label"))] = tool
    return found


def was_cancelled(exc: BaseException) -> bool:
    """Whether the running task was cancelled, not something that the program's function awaits."""
    task = asyncio.current_task()
    return isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def _called(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    result = await _in_thread(function, arguments)
    return await result if inspect.isawaitable(result) else result


async def _in_thread(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a function in a thread of its own.

    Not `asyncio.to_thread`: its few threads are shared, and the program could not end while one of
    them hangs in a tool.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if not outcome.done():
            outcome.set_result((result, error))

    def work() -> None:
        result, error = None, None
        try:
            result = context.run(lambda: function(**arguments))
        except BaseException as exc:
            error = exc
        with contextlib.suppress(RuntimeError):  # the program has ended its event loop
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name=f"tool {function!r:.60}", daemon=True).start()
    result, error = await outcome
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        raise error
    if error is not None:
        raise RuntimeError(f"a tool must not raise {type(error).__name__}") from error
    return result
