"""Conversation items and settings as a chat completion request."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter, ValidationError

from rtclient.engine.remote.messages import (
    GREET,
    GUESSED,
    IDLE,
    NO_OUTPUT,
    SPOKEN,
    UNHEARD,
    messages_of,
    request_of,
)
from rtclient.engine.senses import Heard, Prompt

MESSAGE: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)
TOOL_TYPE: TypeAdapter[Any] = TypeAdapter(ChatCompletionToolUnionParam)
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather",
    "parameters": {"type": "object"},
}


def message(role: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content)}


def text(words: str, kind: str = "input_text") -> dict[str, Any]:
    return {"type": kind, "text": words}


def call(call_id: str, name: str = "weather") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def output(call_id: str, words: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": words}


def called(*call_ids: str) -> list[dict[str, Any]]:
    function = {"name": "weather", "arguments": "{}"}
    return [{"id": one, "type": "function", "function": function} for one in call_ids]


def test_who_said_what_spoken_or_written() -> None:
    items = [
        message("system", text("Be brief.")),
        message("user", {"type": "input_audio", "transcript": "Hello there"}),
        message("assistant", {"type": "output_audio", "transcript": "Good day."}),
        message("user", text("one"), text("two")),
        message("assistant", text("Three.", "output_text")),
    ]
    assert messages_of(items) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello there"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "one\ntwo"},
        {"role": "assistant", "content": "Three."},
    ]


def test_a_turn_that_was_not_understood_is_told_and_an_answer_that_was_not_heard_left_out() -> None:
    items = [
        message("user", {"type": "input_audio", "transcript": None}),
        message("assistant", {"type": "output_audio", "transcript": ""}),
    ]
    assert messages_of(items) == [{"role": "user", "content": UNHEARD}]


def test_images_go_along() -> None:
    url = "data:image/png;base64,AAAA"
    items = [
        message(
            "user",
            text("What is this?"),
            {"type": "input_image", "image_url": url, "detail": "low"},
            {"type": "input_audio", "transcript": "Tell me"},
        )
    ]
    assert messages_of(items) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
                {"type": "text", "text": "Tell me"},
            ],
        }
    ]


def test_calls_belong_to_the_answer_before_them_and_have_their_outputs_behind() -> None:
    items = [
        message("assistant", text("One moment.", "output_text")),
        call("a"),
        call("b"),
        output("a", "sunny"),
        output("b", "rain"),
    ]
    assert messages_of(items) == [
        {"role": "assistant", "content": "One moment.", "tool_calls": called("a", "b")},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
        {"role": "tool", "tool_call_id": "b", "content": "rain"},
    ]


def test_an_output_follows_its_call_whatever_was_said_meanwhile() -> None:
    items = [call("a"), message("user", text("Hurry")), output("a", "sunny"), call("b")]
    assert messages_of(items) == [
        {"role": "assistant", "content": None, "tool_calls": called("a")},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
        {"role": "user", "content": "Hurry"},
        {"role": "assistant", "content": None, "tool_calls": called("b")},
        {"role": "tool", "tool_call_id": "b", "content": NO_OUTPUT},
    ]


def test_an_output_whose_call_is_gone_is_told_in_words() -> None:
    (told,) = messages_of([output("a", "sunny")])
    assert told == {"role": "system", "content": "A function returned: sunny"}


def test_a_request_has_the_instructions_the_tools_and_the_limits() -> None:
    prompt = Prompt(
        [message("user", text("Hello"))],
        instructions="Be nice.",
        tools=[TOOL, {"type": "function", "name": "stop"}],
        tool_choice={"type": "function", "name": "weather"},
        is_spoken=False,
        max_output_tokens=50,
        parallel_tool_calls=False,
    )
    assert request_of(prompt, "llama") == {
        "model": "llama",
        "messages": [
            {"role": "system", "content": "Be nice."},
            {"role": "user", "content": "Hello"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 50,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "The weather",
                    "parameters": {"type": "object"},
                },
            },
            {"type": "function", "function": {"name": "stop"}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
    }


def test_an_answer_that_is_heard_is_asked_for_without_markup() -> None:
    body = request_of(Prompt([message("user", text("Hello"))]), "llama")
    assert body["messages"][0] == {"role": "system", "content": SPOKEN}
    assert not {"tools", "tool_choice", "max_tokens", "parallel_tool_calls"} & body.keys()


def test_a_guess_is_told_and_calls_no_function() -> None:
    items = [message("user", {"type": "input_audio", "transcript": "delete all"})]
    sure = Prompt(items, tools=[TOOL], heard=Heard("delete all", 0.9, is_certain=True))
    guess = Prompt(items, tools=[TOOL], heard=Heard("delete all", 0.4))
    assert "tools" in request_of(sure, "m")
    assert "tools" not in request_of(guess, "m")
    assert GUESSED in request_of(guess, "m")["messages"][0]["content"]


def test_what_it_may_also_have_been_is_told() -> None:
    items = [message("user", {"type": "input_audio", "transcript": "eighty"})]
    body = request_of(Prompt(items, heard=Heard("eighty", 0.4, rival="eighteen")), "m")
    assert 'It may also have been "eighteen".' in body["messages"][0]["content"]


def test_a_user_who_is_silent_is_asked_after() -> None:
    items = [message("user", {"type": "input_audio", "transcript": ""})]
    body = request_of(Prompt(items, heard=Heard(""), is_idle=True), "m")
    assert body["messages"][0]["content"].endswith(IDLE)
    assert body["messages"][-1]["content"] == UNHEARD


def test_an_empty_conversation_asks_for_a_greeting() -> None:
    body = request_of(Prompt([message("system", text("Be brief."))]), "m")
    assert body["messages"][-1] == {"role": "user", "content": GREET}


def test_what_is_asked_is_what_the_official_client_may_ask() -> None:
    items = [
        message("system", text("Be brief.")),
        message("user", {"type": "input_audio", "transcript": "Look"}),
        message("user", {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}),
        message("assistant", text("One moment.", "output_text")),
        call("a"),
        output("a", "sunny"),
        call("b"),
    ]
    body = request_of(Prompt(items, instructions="Be nice.", tools=[TOOL]), "llama")
    for one in body["messages"]:
        MESSAGE.validate_python(one)
    for one in body["tools"]:
        TOOL_TYPE.validate_python(one)
    assert body.keys() <= CompletionCreateParamsStreaming.__annotations__.keys() | (
        CompletionCreateParamsBase.__annotations__.keys()
    )
    with pytest.raises(ValidationError):
        MESSAGE.validate_python({"role": "user"})
