"""Values of the wire that may be anything."""

import base64

import pytest

from rtclient.protocol.reading import (
    MAX_PARTS,
    count_of,
    decoded_bytes,
    index_of,
    mapping_of,
    text_of,
    value_at,
)

ODD = [None, True, 1.5, "x", [], {}, b"x"]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_of_the_wrong_type_counts_as_absent(odd: object) -> None:
    assert mapping_of(odd) == {}
    assert value_at({"a": odd}, "a", "b") is None
    assert text_of({"a": odd}, "a") == ("x" if odd == "x" else "")
    assert count_of({"a": odd}, "a") == 0
    assert index_of({"content_index": odd}) == 0
    assert decoded_bytes(odd) == 0


def test_a_path_leads_into_objects() -> None:
    session = {"audio": {"input": {"format": None}}}
    assert value_at(session, "audio", "input") == {"format": None}
    assert value_at(session, "audio", "input", "format") is None
    assert value_at(session, "audio", "output", "format") is None


@pytest.mark.parametrize(
    ("index", "expected"), [(0, 0), (3, 3), (-1, 0), (MAX_PARTS, 0), (10**9, 0)]
)
def test_an_index_is_one_that_can_be(index: int, expected: int) -> None:
    assert index_of({"content_index": index}) == expected


@pytest.mark.parametrize("size", range(8))
def test_sound_is_measured_without_being_decoded(size: int) -> None:
    assert decoded_bytes(base64.b64encode(bytes(size)).decode()) == size
