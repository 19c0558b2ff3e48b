"""A prompt of the engine as the body of a chat completion request.

Rules of the file:
- pure; an item that a chat server could not take is told in words, never dropped in silence;
- each function call is followed by its output: chat servers insist on that, whatever the client
  put between the two;
- words that the ears are not sure of come with a warning and without functions: an uncertain
  hearing never calls one, the model asks.

Source: OpenAI API reference, chat completions; Realtime API reference, conversation items.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rtclient.engine.senses import Prompt

SPOKEN: Final = (
    "Your answer is spoken aloud. Write plain sentences as people say them: "
    "no markdown, no lists, no emoji."
)
GUESSED: Final = (
    "The user's last words were heard badly and may be wrong. "
    "If they matter, repeat what you understood and ask whether it is right."
)
IDLE: Final = "The user has been silent for a while. Ask briefly whether they are still there."
UNHEARD: Final = "(No word of the user was understood.)"
GREET: Final = "(The user has come and said nothing yet. Greet them in one short sentence.)"
NO_OUTPUT: Final = "(There is no result yet.)"

Message = dict[str, Any]


def request_of(prompt: Prompt, model: str) -> dict[str, Any]:
    """Return the body of the request."""
    heard = prompt.heard
    is_guess = heard is not None and not heard.is_certain
    rules = [
        prompt.instructions.strip(),
        SPOKEN if prompt.is_spoken else "",
        IDLE if prompt.is_idle else GUESSED if is_guess else "",
        f'It may also have been "{heard.rival}".' if heard is not None and heard.rival else "",
    ]
    messages = messages_of(prompt.items)
    if all(message["role"] == "system" for message in messages):
        messages.append({"role": "user", "content": GREET})  # servers refuse less
    if system := "\n\n".join(rule for rule in rules if rule):
        messages.insert(0, {"role": "system", "content": system})
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if prompt.max_output_tokens is not None:
        body["max_tokens"] = prompt.max_output_tokens
    if prompt.tools and not is_guess:
        body["tools"] = [_tool(tool) for tool in prompt.tools]
        body["tool_choice"] = _tool_choice(prompt.tool_choice)
        if prompt.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = prompt.parallel_tool_calls
    return body


def messages_of(items: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Return the conversation as chat messages, in order."""
    outputs = {
        item["call_id"]: item["output"] for item in items if item["type"] == "function_call_output"
    }
    called = {item["call_id"] for item in items if item["type"] == "function_call"}
    messages: list[Message] = []
    for item in items:
        if item["type"] == "message":
            message = _message(item)
            if message is not None:
                messages.append(message)
        elif item["type"] == "function_call":
            _add_call(messages, item, outputs.get(item["call_id"], NO_OUTPUT))
        elif item["type"] == "function_call_output" and item["call_id"] not in called:
            told = f"A function returned: {item['output']}"
            messages.append({"role": "system", "content": told})
    return messages


def _message(item: Mapping[str, Any]) -> Message | None:
    role, parts = item["role"], [_part(part) for part in item["content"]]
    if role == "user" and any(part["type"] == "image_url" for part in parts):
        return {"role": role, "content": parts}
    text = "\n".join(part["text"] for part in parts if part.get("text"))
    if not text and role == "user":
        text = UNHEARD
    return {"role": role, "content": text} if text else None


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    if part["type"] == "input_image":
        image = {"url": part["image_url"]}
        if part.get("detail"):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    text = part.get("text") or part.get("transcript") or ""
    return {"type": "text", "text": text or (UNHEARD if part["type"] == "input_audio" else "")}


def _add_call(messages: list[Message], item: Mapping[str, Any], output: str) -> None:
    """Add a call to the assistant's message that it belongs to, and its output behind all calls."""
    at = len(messages)
    while at and messages[at - 1]["role"] == "tool":
        at -= 1
    if not at or messages[at - 1]["role"] != "assistant":
        at = len(messages)
        messages.append({"role": "assistant", "content": None})
    else:
        at -= 1
    function = {"name": item["name"], "arguments": item["arguments"]}
    call = {"id": item["call_id"], "type": "function", "function": function}
    messages[at].setdefault("tool_calls", []).append(call)
    messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": output})


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("name", "description", "parameters")
    return {"type": "function", "function": {key: tool[key] for key in keys if tool.get(key)}}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, Mapping):
        return {"type": "function", "function": {"name": choice["name"]}}
    return choice
