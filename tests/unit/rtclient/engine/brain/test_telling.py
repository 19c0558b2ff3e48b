import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.brain.telling import told


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ('{"temperature": 21, "sky": "partly_cloudy"}',
         "The temperature is 21, and the sky is partly cloudy."),
        ('{"ok": true}', "Done."),
        ('{"success": false}', "That did not work."),
        ('{"error": "no such city"}', "That did not work: no such city."),
        ('{"result": 42}', "42."),
        ('["milk", "eggs"]', "Milk and eggs."),
        ("sunny all day!", "Sunny all day!"),
        ("", "Done."),
        ("null", "Done."),
        ('{"status": "sent", "messageId": "m1"}', "The status is sent, and the message id is m1."),
        ('{"results": [{"name": "A"}, {"name": "B"}]}', "The results are name A; name B."),
        ("[]", "There is nothing."),
    ],
)  # fmt: skip
def test_outputs_are_told_as_sentences(output, text):
    assert told(output) == text


def test_long_outputs_are_cut():
    assert len(told(json.dumps({"text": "word " * 1000}))) < 700


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
        ),
        max_leaves=10,
    )
)
def test_any_json_is_told(value):
    assert told(json.dumps(value))


@given(st.text(max_size=50))
def test_any_text_is_told(text):
    assert told(text)
