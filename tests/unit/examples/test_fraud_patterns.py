"""The fraud example: calls as frauds run them raise an alert in time, honest calls do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.fraud_patterns import LIMIT, RULES, Alert, FraudWatch

FRAUD = {
    "bank": (
        "Good afternoon, this is the fraud department of your bank.",
        "Your account has been compromised and we must act immediately.",
        "To protect your money you have to move it to a safe account.",
        "Please read me the six digit code that we just sent you.",
    ),
    "gift cards": (
        "I am calling from the tax office about an unpaid bill.",
        "There is a warrant and you will be arrested today.",
        "You can settle it with gift cards from any supermarket.",
    ),
    "support": (
        "Hello, I'm calling from Microsoft about a virus on your computer.",
        "Install AnyDesk so that I can look at it right now.",
        "Now tell me your password.",
    ),
    "grandchild": (
        "Grandma, it's me. I had an accident and I am at the police station.",
        "Please don't tell mum. A colleague will pick up the money.",
    ),
}
HONEST = {
    "bank that warns": (
        "Hello, this is your bank. We saw a payment that we do not know.",
        "We will never ask you for your PIN or a code, and you should never share your password.",
        "Please come to your branch whenever it suits you.",
    ),
    "dentist": (
        "Good morning, this is the dentist's practice.",
        "Could you come on Tuesday at ten? We need your date of birth.",
    ),
    "support of the employer": (
        "Hi, it's Tom from IT. You asked about the printer.",
        "I can look with TeamViewer if you like, or I come by.",
    ),
    "grandchild": ("Hi grandma, it's me. I passed the exam! See you on Sunday.",),
    "shop": ("Yes, we have gift cards. They are next to the door.",),
}


def heard(sentences: tuple[str, ...]) -> tuple[FraudWatch, list[Alert]]:
    watch = FraudWatch()
    return watch, [alert for text in sentences if (alert := watch.hear(text))]


@pytest.mark.parametrize("call", FRAUD)
def test_a_fraud_raises_an_alert(call: str) -> None:
    _, alerts = heard(FRAUD[call])
    assert alerts
    assert alerts[-1].score >= LIMIT
    assert len(alerts[-1].reasons) >= 2


def test_the_alert_comes_while_the_call_runs() -> None:
    watch = FraudWatch()
    at = [number for number, text in enumerate(FRAUD["bank"]) if watch.hear(text)]
    assert at[0] == 2, "before the victim reads out the code"
    assert at == [2, 3], "and again when it gets worse"


@pytest.mark.parametrize("call", HONEST)
def test_an_honest_call_raises_none(call: str) -> None:
    watch, alerts = heard(HONEST[call])
    assert not alerts, watch.alert()


def test_a_rule_counts_once_and_reasons_are_sorted() -> None:
    watch = FraudWatch()
    watch.hear("Immediately! Right now! At once! Read me the code!")
    assert watch.alert() == Alert(50, ("asks for a code or a password", "hurries"))


def test_a_pattern_may_begin_in_one_turn_and_end_in_the_next() -> None:
    watch = FraudWatch()
    watch.hear("now please read me")
    watch.hear("the code")
    assert watch.alert().reasons == ("asks for a code or a password",)


def test_what_was_found_long_ago_still_counts() -> None:
    watch = FraudWatch()
    watch.hear("Buy gift cards.")
    for _ in range(100):
        watch.hear("And how is the weather where you live?")
    assert watch.alert().score == 40


@given(st.lists(st.sampled_from([*sum(FRAUD.values(), ()), *sum(HONEST.values(), ())])))
def test_the_score_never_falls(sentences: list[str]) -> None:
    watch, scores = FraudWatch(), [0]
    for text in sentences:
        watch.hear(text)
        scores.append(watch.alert().score)
    assert scores == sorted(scores)
    assert scores[-1] <= sum(points for _, points, _ in RULES)
