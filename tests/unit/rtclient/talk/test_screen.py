import io

import pytest

from rtclient.talk.captions import Line
from rtclient.talk.screen import LiveScreen, PlainScreen, open_screen
from rtclient.talk.view import View
from tests.support.terminal import Screen as Terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def out() -> Tty:
    return Tty()


def live(out: Tty) -> LiveScreen:
    return LiveScreen(out, {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"})


def shown(out: Tty) -> list[str]:
    terminal = Terminal(24, 80)
    terminal.feed(out.getvalue().replace("\n", "\r\n"))
    return [row for row in terminal.rows if row]


VIEW = View(
    status="the model speaks",
    live=(Line("model", "It is", " ten o'clock."),),
    you_db=-96,
    model_db=-30,
    facts=("0:07", "answer in 0.7 s"),
    hint="Ctrl+C ends",
)


def test_plain_lines_name_who_speaks():
    out = io.StringIO()
    screen = PlainScreen(out)
    screen.line(Line("you", "What time is it?"))
    screen.update(VIEW)
    screen.line(Line("model", "It is", is_interrupted=True))
    screen.note("Something\x1b[2J happened.")
    assert out.getvalue() == "You: What time is it?\nModel: It is —\n(Something [2J happened.)\n"


def test_notices_do_not_get_into_what_a_program_reads():
    out, notes = io.StringIO(), io.StringIO()
    screen = open_screen(out, notes=notes)
    screen.line(Line("you", "What time is it?"))
    screen.note("Something happened.")
    assert out.getvalue() == "You: What time is it?\n"
    assert notes.getvalue() == "(Something happened.)\n"


def test_plain_lines_on_a_terminal_say_once_what_can_be_done(out):
    screen = PlainScreen(out)
    for status in ("connecting", "ready", "the model thinks", "ready"):
        screen.update(View(status, hint="Ctrl+C ends"))
    assert out.getvalue() == "(connecting  ·  Ctrl+C ends)\n(ready  ·  Ctrl+C ends)\n"


def test_the_live_screen_shows_words_meters_and_facts(out):
    screen = live(out)
    screen.update(VIEW)
    assert shown(out) == [
        "Model  It is ten o'clock.",
        "─" * 80,
        "you   ░░░░░░░░░░░░░░░░           model ████████░░░░░░░░ -30 dB",
        "● the model speaks  ·  Ctrl+C ends  ·  0:07  ·  answer in 0.7 s",
    ]
    screen.close()


def test_facts_without_room_are_left_out_whole(out):
    screen = live(out)
    screen.update(View("listening", hint="h" * 40, facts=("f" * 19, "g")))
    assert shown(out)[-1] == f"● listening  ·  {'h' * 40}  ·  {'f' * 19}"
    screen.close()


def test_without_sound_there_are_no_meters(out):
    screen = live(out)
    screen.update(View("ready", you_db=None, model_db=None))
    assert shown(out) == ["─" * 80, "● ready"]
    screen.close()


def test_finished_lines_stay_above_and_the_foot_goes(out):
    screen = live(out)
    screen.update(VIEW)
    screen.line(Line("you", "Thank you."))
    screen.update(View("listening"))
    screen.note("A notice.")
    screen.close()
    screen.close()
    assert shown(out) == ["You    Thank you.", "·      A notice."]


def test_of_a_long_answer_the_newest_words_stay_in_sight(out):
    screen = live(out)
    for words in (400, 401):
        said = " ".join(map(str, range(words)))
        screen.update(View("the model speaks", live=(Line("model", said),)))
    rows = shown(out)
    assert len(rows) == 24
    assert rows[-4].endswith(" 400")
    assert rows[-1] == "● the model speaks"
    screen.close()
    assert shown(out) == []


def test_what_is_typed_is_shown(out):
    screen = live(out)
    screen.update(View("listening", draft="Hello"))
    assert shown(out)[0] == "›      Hello▏"
    screen.close()


def test_words_of_the_model_are_no_markup(out):
    screen = live(out)
    screen.line(Line("model", "[bold]not[/bold] :smile:"))
    screen.close()
    assert shown(out) == ["Model  [bold]not[/bold] :smile:"]


def test_a_pipe_and_the_option_give_plain_lines(out):
    assert isinstance(open_screen(io.StringIO()), PlainScreen)
    assert isinstance(open_screen(out, is_plain=True), PlainScreen)


def test_a_terminal_that_cannot_move_its_cursor_is_known(out):
    screen = LiveScreen(out, {"TERM": "dumb"})
    assert screen.is_dumb
    screen.close()
    assert not live(out).is_dumb
