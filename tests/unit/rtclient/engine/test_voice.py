from hypothesis import given
from hypothesis import strategies as st

from rtclient.engine.voice import pack, sentences, unpack, word_end


def test_the_first_stretch_is_one_sentence_so_that_sound_comes_soon():
    text = "It is five. The kettle is on. Tea is ready."
    assert list(sentences(text)) == [(0, "It is five."), (11, " The kettle is on. Tea is ready.")]


def test_numbers_and_abbreviated_times_are_not_cut():
    assert len(list(sentences("Pi is 3.14159, and it is 5:43 PM"))) == 1


def test_a_text_without_sentences_is_cut_at_spaces():
    parts = [part for _, part in sentences("word " * 400)]
    assert max(map(len, parts)) <= 480
    assert all(part.strip().endswith("word") for part in parts)


def test_blank_text_has_nothing_to_say():
    assert list(sentences("  \n ")) == []


@given(st.text(alphabet="ab .!?\n", max_size=900))
def test_the_stretches_are_the_whole_text(text):
    covered = list(text)
    for offset, part in sentences(text):
        assert text[offset : offset + len(part)] == part
        covered[offset : offset + len(part)] = [""] * len(part)
    assert not "".join(covered).strip()


def test_a_word_ends_at_its_punctuation():
    assert word_end("Hello, you", 0) == 6
    assert word_end("Hello", 5) == 5


def test_a_piece_survives_the_way_between_processes():
    assert unpack(pack([(0, 3), (120, 9)], b"\x01\x02")) == ([(0, 3), (120, 9)], b"\x01\x02")
