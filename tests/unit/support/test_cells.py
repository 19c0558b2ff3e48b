"""The format of the cells: what a file may say, what is printed, what stands on the page."""

import pytest

from tests.support.cells import Sheet, page, printed, read_sheet

TEXT = """
layer = "clients"

[[client]]
name = "some-client"
package = "some"
version = "1.2.3"

[[client.kind]]
name = "Some.realtime"
path = "/v1/realtime"
schemes = ["ws", "wss"]
upstreams = ["ga", "preview"]
steps = ["connect", "text"]
lacks = { tool = "it has no tools" }

[[absent]]
name = "other"
version = "9"
reason = "it is not to be had"
"""


@pytest.fixture
def sheet() -> Sheet:
    return read_sheet(TEXT)


def test_cells_are_the_product_of_what_is_listed(sheet: Sheet) -> None:
    assert len(sheet.cells) == len(set(sheet.cells)) == 2 * 2 * 2
    assert str(sheet.cells[0]) == "some-client Some.realtime /v1/realtime ws ga connect"
    assert [str(run).split()[-2:] for run in sheet.runs] == [
        ["ws", "ga"],
        ["ws", "preview"],
        ["wss", "ga"],
        ["wss", "preview"],
    ]
    assert sheet.steps_of(sheet.runs[0]) == ("connect", "text")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"text"]', '"dance"]', "dance"),
        ('"text"]', '"text", "tool"]', "both taken and lacking"),
        ('"text"]', '"text", "text"]', "listed twice"),
        ('"wss"]', '"https"]', "schemes"),
        ('"preview"]', '"beta"]', "upstreams"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_sheet(TEXT.replace(old, new))


def test_a_kind_takes_the_steps_of_its_client_but_for_what_it_lacks(sheet: Sheet) -> None:
    moved = TEXT.replace('steps = ["connect", "text"]\n', "")
    moved = moved.replace('"1.2.3"\n', '"1.2.3"\nsteps = ["connect", "text", "tool"]\n')
    assert read_sheet(moved) == sheet


def test_what_did_not_run_is_printed_as_such(sheet: Sheet) -> None:
    verdicts = {str(cell): "pass" for cell in sheet.cells[1:]}
    lines = printed(sheet, verdicts)
    assert "NOT RUN pass" in lines[2]
    assert lines[3].endswith("pass    pass    -")
    assert lines[-1] == "7 of 8 cells pass"


def test_the_page_has_what_works_and_why_the_rest_does_not(sheet: Sheet) -> None:
    text = page([sheet])
    row = "| some-client: some 1.2.3 | `Some.realtime` | `/v1/realtime` | ws, wss | ga, preview "
    assert f"{row}| yes | yes | – |" in text
    assert "- some-client, Some.realtime, tool: it has no tools" in text
    assert "- other 9: it is not to be had" in text
