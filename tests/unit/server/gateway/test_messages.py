from typing import get_args

import pytest
from pydantic import ValidationError

from server.gateway.faults import MEANINGS
from server.gateway.messages import CLIENT_MESSAGES, ClientMessage, Config, ErrorCode


def test_every_message_of_a_client_is_found_by_its_type() -> None:
    assert set(CLIENT_MESSAGES.values()) == set(get_args(ClientMessage))
    for kind, message in CLIENT_MESSAGES.items():
        assert message.model_fields["type"].annotation.__args__ == (kind,)  # type: ignore[union-attr]


def test_every_error_code_is_explained() -> None:
    assert set(MEANINGS) == set(get_args(ErrorCode))


@pytest.mark.parametrize("temperature", [float("nan"), float("inf"), -0.1, 2.1])
def test_numbers_are_finite_and_within_their_range(temperature: float) -> None:
    with pytest.raises(ValidationError):
        Config(type="config", temperature=temperature)
