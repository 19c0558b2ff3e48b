"""Streamed chunks as sentences, calls, ends and counts."""

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.remote.completion import (
    MAX_CALLS,
    MAX_CHARS,
    MAX_CHUNKS,
    BadCall,
    BadCompletion,
    Completion,
    Reasoning,
    Sentences,
)
from rtclient.engine.senses import Call, Say, Stopped, Thought, Used


def chunk(reason: str | None = None, **delta: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return json.dumps({"choices": [choice]})


def tool(arguments: Any = None, **piece: Any) -> str:
    function = {"arguments": arguments} if arguments is not None else {}
    if name := piece.pop("name", None):
        function["name"] = name
    return chunk(tool_calls=[{**piece, "function": function}])


def thoughts(*data: str, functions: Sequence[str] = ("weather", "clock")) -> list[Thought]:
    completion = Completion(functions)
    return [thought for one in data for thought in completion.feed(one)]


# ---------------------------------------------------------------- sentences


def test_a_sentence_is_said_as_soon_as_the_next_begins() -> None:
    completion = Completion()
    assert list(completion.feed(chunk(content="It is noon."))) == []
    assert list(completion.feed(chunk(content=" Time"))) == [Say("It is noon.")]
    assert list(completion.feed(chunk(content=" for lunch."))) == []
    assert list(completion.feed(chunk("stop"))) == [Say(" Time for lunch.")]
    assert list(completion.feed("[DONE]")) == []
    assert completion.is_over


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello Dr. Smith. Sit down. ", ["Hello Dr. Smith.", " Sit down. "]),
        ("1. Water. 2. Salt.", ["1. Water.", " 2. Salt."]),
        ("It costs 3.50 in all. Fine", ["It costs 3.50 in all.", " Fine"]),
        ("Really?! Yes… I do", ["Really?!", " Yes…", " I do"]),
        ("One\n\nTwo", ["One\n\n", "Two"]),
        ("今日は。元気ですか？はい", ["今日は。", "元気ですか？", "はい"]),
        ("", []),
        ("\n", []),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    for size in (1, 3, len(text) or 1):
        cutter = Sentences()
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found = [one for piece in pieces for one in cutter.feed(piece)] + list(cutter.rest())
        assert found == expected


@given(st.lists(st.text(alphabet="ab .!?\n1。", max_size=12), max_size=12))
def test_the_sentences_joined_are_the_text(pieces: list[str]) -> None:
    cutter = Sentences()
    found = [one for piece in pieces for one in cutter.feed(piece)] + list(cutter.rest())
    text = "".join(pieces)
    assert "".join(found) == (text if text.strip() else "".join(found))
    assert all(one.strip() for one in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_text_without_an_end_is_cut_at_a_space() -> None:
    cutter = Sentences()
    found = list(cutter.feed("word " * 200))
    assert found
    assert all(len(one) <= 480 for one in found)


@pytest.mark.parametrize("piece", ["\n" * 16, "<think>" * 2, "1. " * 8, "word" * 8, "a. " * 8])
def test_a_server_that_repeats_itself_for_ever_costs_little(piece: str) -> None:
    completion = Completion()
    data, count = chunk(content=piece), 0
    while not completion.is_over:
        list(completion.feed(data))
        count += 1
    assert count == MAX_CHARS // len(piece) + 1


def test_a_text_that_never_ends_is_stopped() -> None:
    completion = Completion()
    data = chunk(content="All work and no play. " * 100)
    found: list[Thought] = []
    while not completion.is_over:
        found += completion.feed(data)
    assert found[-1] == Stopped("max_output_tokens")
    assert sum(len(one.text) for one in found if isinstance(one, Say)) < MAX_CHARS + 2 * len(data)


@pytest.mark.parametrize("data", ['{"choices":[]}', chunk(reasoning_content="Hmm.")])
def test_who_thinks_for_ever_is_stopped(data: str) -> None:
    completion = Completion()
    found = [thought for _ in range(MAX_CHUNKS) for thought in completion.feed(data)]
    assert completion.is_over
    assert found == [Stopped("max_output_tokens")]


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("<think>Hmm. They greet.</think>\n\nHello.", "Hello."),
        ("  <think></think>Hello.", "Hello."),
        ("<thin ice>", "<thin ice>"),
        ("Hello <think>.", "Hello <think>."),
        ("<think>never done", ""),
        ("<th", "<th"),
    ],
)
def test_thinking_aloud_is_left_out(text: str, meant: str, size: int) -> None:
    reasoning = Reasoning()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    said = "".join(reasoning.feed(piece) for piece in pieces) + reasoning.rest()
    assert said.strip() == meant


def test_reasoning_in_a_field_of_its_own_is_not_said() -> None:
    assert thoughts(chunk(reasoning_content="Hmm."), chunk("stop", content="Hi.")) == [Say("Hi.")]


# ---------------------------------------------------------------- calls


def test_a_call_comes_whole_and_after_the_text() -> None:
    assert thoughts(
        chunk(content="Let me see."),
        tool("", index=0, id="a", name="weather"),
        tool('{"city":', index=0),
        tool('"Rome"}', index=0),
        chunk("tool_calls"),
    ) == [Say("Let me see."), Call("weather", '{"city":"Rome"}')]


def test_several_calls_may_be_mixed() -> None:
    assert thoughts(
        tool("{", index=0, id="a", name="weather"),
        tool("{", index=1, id="b", name="clock"),
        tool("}", index=1),
        tool("}", index=0),
        "[DONE]",
    ) == [Call("weather", "{}"), Call("clock", "{}")]


def test_servers_that_number_calls_badly_are_understood() -> None:
    two = [Call("weather", '{"a": 1}'), Call("clock", "{}")]
    for numbers in ({"index": 0}, {}):
        assert (
            thoughts(
                tool({"a": 1}, id="a", name="weather", **numbers),
                tool("{}", id="b", name="clock", **numbers),
                chunk("stop"),
            )
            == two
        )
    assert thoughts(tool("{", id="a", name="clock"), tool("}"), chunk("stop")) == two[1:]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert thoughts(tool(index=0, id="a", name="clock"), chunk("tool_calls")) == [
        Call("clock", "{}")
    ]


@pytest.mark.parametrize(
    "piece",
    [
        tool("[1]", index=0, id="a", name="clock"),
        tool("{oh", index=0, id="a", name="clock"),
        tool("{}", index=0, id="a", name="format_disk"),
        tool("{}", index=0, id="a"),
    ],
)
def test_a_wrong_call_is_not_made(piece: str) -> None:
    with pytest.raises(BadCall):
        thoughts(piece, chunk("tool_calls"))


def test_calls_have_a_bound() -> None:
    with pytest.raises(BadCall):
        thoughts(*(tool("", index=at, id=str(at), name="clock") for at in range(MAX_CALLS + 1)))
    with pytest.raises(BadCall):
        thoughts(*[tool("x" * 100_000, index=0, id="a", name="clock")] * 3)


# ---------------------------------------------------------------- ends


def test_why_it_stopped() -> None:
    assert thoughts(chunk("length", content="And")) == [Say("And"), Stopped("max_output_tokens")]
    assert thoughts(chunk("content_filter")) == [Stopped("content_filter")]
    cut = tool('{"cit', index=0, id="a", name="weather")
    assert thoughts(cut, chunk("length")) == [Stopped("max_output_tokens")]


def test_usage_is_told_when_it_is_given() -> None:
    counted = {"prompt_tokens": 9, "completion_tokens": 3}
    assert thoughts(json.dumps({"choices": [], "usage": counted})) == [Used(9, 3)]
    counted |= {"prompt_tokens_details": {"cached_tokens": 4}}
    assert thoughts(json.dumps({"choices": [], "usage": counted})) == [Used(9, 3, 4)]
    assert thoughts(json.dumps({"choices": [], "usage": None})) == []


def test_an_end_is_needed() -> None:
    completion = Completion()
    list(completion.feed(chunk(content="Hello.")))
    assert not completion.is_finished
    list(completion.feed(chunk("stop")))
    assert completion.is_finished


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{oh",
        "[]",
        "1",
        '"text"',
        '{"error": {"message": "no"}}',
        '{"choices": 7}',
        '{"choices": [7]}',
        '{"choices": [{"delta": 7}]}',
        '{"choices": [{"delta": {"content": 7}}]}',
        '{"choices": [{"delta": {"tool_calls": 7}}]}',
        '{"choices": [{"delta": {"tool_calls": [7]}}]}',
        '{"choices": [{"delta": {"tool_calls": [{"function": 7}]}}]}',
        '{"choices": [], "usage": 7}',
        '{"choices": [], "usage": {"prompt_tokens": "many"}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_chunk_is_told(data: str) -> None:
    with pytest.raises(BadCompletion):
        thoughts(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "delta",
                        "content",
                        "tool_calls",
                        "index",
                        "id",
                        "function",
                        "name",
                        "arguments",
                        "usage",
                        "finish_reason",
                        "prompt_tokens",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_whatever_comes_is_understood_or_told(value: Any) -> None:
    for data in (value, {"choices": [value]}, {"choices": [{"delta": value}]}):
        with contextlib.suppress(BadCompletion, BadCall):
            thoughts(json.dumps(data), chunk("stop"))
