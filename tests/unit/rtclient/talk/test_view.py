import pytest

from rtclient.talk.view import bar, clock


@pytest.mark.parametrize(
    ("db", "shown"),
    [(0, "████"), (-96, "░░░░"), (-60, "░░░░"), (-30, "██░░"), (-52.5, "▌░░░"), (6, "████")],
)
def test_a_bar_goes_from_minus_sixty_to_zero(db, shown):
    assert bar(db, 4) == shown


def test_a_clock_has_hours_only_when_needed():
    assert clock(7.9) == "0:07"
    assert clock(61) == "1:01"
    assert clock(3753) == "1:02:33"
