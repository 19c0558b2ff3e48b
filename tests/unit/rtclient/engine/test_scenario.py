"""Scenarios are read strictly: each mistake is named with its place."""

import json
from pathlib import Path

import pytest

from rtclient.engine.faults import parse
from rtclient.engine.scenario import Pause, ReplayTurn, ScenarioError, Turn, read_scenario
from rtclient.engine.senses import Call, Heard, Say, SenseError

EXAMPLES = Path(__file__).parents[3] / "fixtures" / "scenarios"


def test_a_whole_scenario_in_yaml() -> None:
    scenario = read_scenario((EXAMPLES / "a_shop.yaml").read_text(), "a_shop.yaml")
    script = scenario.of(2)
    assert script.turns[0].hear == Heard("do you have green tea", 0.95, True)
    assert script.turns[0].answer == (Call("stock", '{"item": "green tea"}'),)
    assert script.turns[0].after_call == (Say("Yes, three tins."),)
    assert script.turns[1].hear == Heard("how much", 0.4, False)
    assert script.turns[1].hear_after_s == 0.3
    assert script.turns[1].answer == (Say("Well."), Pause(0.5), Say("Four crowns."))
    assert isinstance(script.turns[2].hear, SenseError)
    assert script.turns[3].answer == (ReplayTurn(),)
    assert script.turns[4].answer == ()
    assert script.greeting == (Say("Good day."),)
    assert script.turn(1, "is it OPEN now").answer == (Say("Until six."),)
    assert script.turn(99, "anything").answer == (Say("I see."),)
    assert scenario.of(1).turns == (Turn(answer=(Say("Only here."),)),)
    assert scenario.faults == (
        parse("slow:5"),
        parse("duplicate_transcript@turn=1"),
        parse("close:1006@response.done,session=1"),
    )


def test_json_lines_hold_one_turn_each() -> None:
    scenario = read_scenario((EXAMPLES / "two_turns.jsonl").read_text(), "two_turns.jsonl")
    assert [turn.answer for turn in scenario.of(1).turns] == [(Say("One."),), (Say("Two."),)]
    assert scenario.count == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "turns:\n- hear: hello\n  respond: hi\n",
            "line 3, 'turns[0].respond' is unknown; known: hear",
        ),
        ("turns: hello", "line 1, 'turns' is a list"),
        ("round: []", "line 1, 'round' is unknown"),
        ("turns:\n- answer:\n  - say: a\n    error: b", "line 3, 'turns[0].answer[0]' is one step"),
        ("turns: [{after_ms: -1}]", "'turns[0].after_ms' is milliseconds"),
        ("turns: [{hear: {text: a, certain: 1}}]", "'turns[0].hear.certain' is true or false"),
        ("turns: [{hear: {text: a, confidence: 2}}]", "confidence' is a number from 0.0 to 1.0"),
        ("turns: [{hear: {error: a, text: b}}]", "an 'error' stands alone"),
        ("turns: [{hear: {confidence: 1}}]", "'turns[0].hear.text' is a text"),
        ("turns: [{answer: [{replay: false}]}]", "replay' is true"),
        ("turns: [{answer: [{call: a, arguments: 1}]}]", "arguments' is an object"),
        ("words: [{answer: a}]", "'words[0]' needs 'match' and 'answer'"),
        ("words: [{match: '(', answer: a}]", "is no regular expression"),
        ("faults: [explode]", "'faults[0]' 'explode': unknown fault"),
        ("turns: [{faults: ['close:1005']}]", "no server can close with 1005"),
        ("default: {faults: []}", "'default.faults' is unknown"),
        ("turns: [", "is neither JSON nor YAML"),
        ("", "the scenario is an object"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, complaint: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        read_scenario(text, "talk.yaml")
    assert complaint in str(raised.value)


def test_a_mistake_in_json_lines_names_the_line() -> None:
    lines = json.dumps({"answer": "a"}) + "\n" + json.dumps({"answr": "b"})
    with pytest.raises(ScenarioError, match=r"line 2, 'turns\[1\].answr' is unknown"):
        read_scenario(lines, "talk.jsonl")
    with pytest.raises(ScenarioError, match="line 2 is not JSON"):
        read_scenario('{"answer": "a"}\n{', "talk.jsonl")
    with pytest.raises(ScenarioError, match="line 1 is empty"):
        read_scenario("\n{}", "talk.jsonl")


def test_dates_and_other_yaml_wonders_are_no_texts() -> None:
    with pytest.raises(ScenarioError, match="is an object"):
        read_scenario("turns: [{answer: [2026-01-01]}]", "talk.yaml")
    with pytest.raises(ScenarioError, match="neither JSON nor YAML"):
        read_scenario("turns: !!python/object:os.system []", "talk.yaml")


@pytest.mark.parametrize("name", ["a.yaml", "a.jsonl"])
@pytest.mark.parametrize("text", ["&a [*a]", "[" * 100_000])
def test_what_has_no_end_is_no_scenario(text: str, name: str) -> None:
    with pytest.raises(ScenarioError):
        read_scenario(text, name)


def test_a_date_of_yaml_is_no_argument_unless_in_quotes() -> None:
    text = "turns:\n- answer:\n    call: book\n    arguments: {day: %s}"
    with pytest.raises(ScenarioError, match=r"line 4, 'turns\[0\].answer.arguments' holds a date"):
        read_scenario(text % "2026-11-21", "a.yaml")
    assert read_scenario(text % "'2026-11-21'", "a.yaml").count == 1
