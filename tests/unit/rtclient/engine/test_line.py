from dataclasses import dataclass

from rtclient.engine.line import Line


@dataclass(eq=False)
class Waiting:
    """A job as the line sees it."""

    owner: str
    is_complete: bool = True
    is_deferred: bool = False


def line(*jobs):
    result = Line()
    for job in jobs:
        result.add(job)
    return result


def taken(waiting, *, busy=(), only_complete=False):
    found = []
    while (job := waiting.take(busy, only_complete=only_complete)) is not None:
        found.append(job)
    return found


def test_jobs_of_different_owners_go_in_the_order_of_their_coming():
    jobs = [Waiting(owner) for owner in "abc"]
    assert taken(line(*jobs)) == jobs


def test_an_owner_with_many_jobs_takes_turns_with_the_others():
    jobs = [Waiting(owner) for owner in "aaabbc"]
    order = [job.owner for job in taken(line(*jobs))]
    assert order == ["a", "b", "c", "a", "b", "a"]


def test_an_owner_whose_job_runs_has_to_wait():
    first, second = Waiting("a"), Waiting("b")
    waiting = line(first, second)
    assert taken(waiting, busy={"a"}) == [second]
    assert list(waiting) == [first]


def test_complete_jobs_come_before_live_ones():
    live, complete = Waiting("a", is_complete=False), Waiting("b")
    waiting = line(live, complete)
    assert waiting.take((), only_complete=False) is complete
    assert waiting.take((), only_complete=True) is None
    assert waiting.take((), only_complete=False) is live


def test_a_job_that_gave_up_its_worker_waits_until_it_is_complete():
    job = Waiting("a", is_complete=False, is_deferred=True)
    waiting = line(job)
    assert waiting.take((), only_complete=False) is None
    job.is_complete = True
    assert waiting.take((), only_complete=True) is job


def test_a_job_that_leaves_is_passed_over():
    first, second, third = Waiting("a"), Waiting("a"), Waiting("b")
    waiting = line(first, second, third)
    waiting.remove(first)
    waiting.remove(first)
    assert list(waiting) == [second, third]
    assert taken(waiting) == [second, third]
    waiting.remove(second)
