import pytest

from server.gateway.speech import MAX_OPEN, Captions, Speaker, Stopped

SECOND = 24_000


def partials(*deltas: str) -> list[str]:
    captions = Captions()
    return [text for delta in deltas if (text := captions.add("item", delta)) is not None]


class TestCaptions:
    def test_a_partial_has_all_words_so_far_and_ends_with_a_sentence(self) -> None:
        assert partials("Yes", "!", " I am", " fine", ".", " And", " you?") == [
            "Yes!",
            "Yes! I am fine.",
        ]

    def test_a_short_sentence_has_no_partial(self) -> None:
        assert partials("I", " am", " fine", ".") == []

    def test_a_long_sentence_has_partials_between_words(self) -> None:
        assert partials(*(f"word{n} " for n in range(9))) == [
            "word0 word1 word2 word3 ",
            "word0 word1 word2 word3 word4 word5 word6 word7 ",
        ]

    def test_a_long_word_is_not_cut(self) -> None:
        assert partials(*"a" * 60) == []

    def test_the_final_is_the_whole_where_it_is_known(self) -> None:
        captions = Captions()
        captions.add("item", "Helo")
        assert captions.is_open("item")
        assert captions.finish("item", "Hello.") == "Hello."
        assert not captions.is_open("item")
        captions.add("item", "Helo")
        assert captions.finish("item") == "Helo"
        assert captions.finish("item") == ""

    def test_items_that_nobody_finishes_are_forgotten(self) -> None:
        captions = Captions()
        for n in range(MAX_OPEN + 1):
            captions.add(f"item_{n}", "x")
        assert not captions.is_open("item_0")
        assert captions.is_open("item_1")


class TestSpeaker:
    def test_silence_has_nothing_to_stop(self) -> None:
        assert Speaker().stop(10) == Stopped()

    @pytest.mark.parametrize(("at", "heard_ms"), [(10.0, 0), (10.25, 250), (10.999, 999)])
    def test_what_was_heard_is_what_had_time_to_sound(self, at: float, heard_ms: int) -> None:
        speaker = Speaker()
        for _ in range(4):
            speaker.add("item", 0, SECOND // 4, 10)
        assert speaker.is_playing(at)
        stopped = speaker.stop(at)
        assert (stopped.item_id, stopped.sent_ms, stopped.heard_ms) == ("item", 1000, heard_ms)
        (event,) = stopped.events
        if heard_ms:
            assert event["audio_end_ms"] == heard_ms
        else:
            assert event == {"type": "conversation.item.delete", "item_id": "item"}
        assert not speaker.is_playing(at)

    def test_sound_that_was_heard_whole_is_not_cut(self) -> None:
        speaker = Speaker()
        speaker.add("item", 0, SECOND, 10)
        assert speaker.stop(11) == Stopped("item", 1000, 1000)

    def test_a_gap_is_not_counted_as_heard(self) -> None:
        speaker = Speaker()
        speaker.add("item", 0, SECOND, 10)
        speaker.add("item", 0, SECOND, 15)
        assert speaker.stop(15.5).heard_ms == 1500

    def test_answers_sound_one_after_another_and_all_are_cut(self) -> None:
        speaker = Speaker()
        speaker.add("one", 0, SECOND, 10)
        speaker.forget_played(10.1)
        speaker.add("two", 0, SECOND, 10.1)
        stopped = speaker.stop(10.5)
        assert (stopped.item_id, stopped.heard_ms) == ("one", 500)
        assert [event["type"] for event in stopped.events] == [
            "conversation.item.truncate",
            "conversation.item.delete",
        ]

    def test_what_was_heard_of_an_older_answer_is_forgotten(self) -> None:
        speaker = Speaker()
        speaker.add("one", 0, SECOND, 10)
        speaker.forget_played(12)
        assert speaker.stop(12) == Stopped()
