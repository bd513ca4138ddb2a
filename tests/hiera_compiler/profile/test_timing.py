import pytest

from hiera_compiler.profile.timing import Call, Spread, Timer, in_turns, quantile


class World:
    """A clock that only the calls move, and a device that is behind until it is waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queued = 0.0
        self.calls: list[str] = []

    def call(self, name: str, seconds: float) -> Call:
        def run() -> None:
            self.calls.append(name)
            self.queued += seconds

        return run

    def wait(self) -> None:
        self.now += self.queued
        self.queued = 0.0

    @property
    def timer(self) -> Timer:
        return Timer(clock=lambda: self.now, synchronise=self.wait)


def test_time_includes_what_the_device_still_had_to_do() -> None:
    world = World()
    assert world.timer.seconds(world.call("a", 0.5), times=4) == 0.5


def test_a_backlog_is_what_the_device_has_left_to_do() -> None:
    world = World()

    def call() -> None:
        world.now += 1.0
        world.queued += 3.0

    assert world.timer.backlog(call, 2) == 0.75
    assert Timer(clock=lambda: world.now).backlog(call, 2) == 0.0


def test_work_from_before_is_not_counted() -> None:
    world = World()
    world.queued = 100.0
    assert world.timer.seconds(world.call("a", 0.5)) == 0.5


@pytest.mark.parametrize(("each", "expected"), [(0.01, 100), (2.0, 1), (0.3, 3)])
def test_short_calls_are_repeated_to_fill_the_seconds(each: float, expected: int) -> None:
    world = World()
    assert world.timer.calls_in(world.call("a", each), 1.0) == expected


def test_each_round_starts_with_another_one() -> None:
    world = World()
    calls = [world.call(name, 1.0) for name in "abc"]
    list(in_turns(calls, [1, 1, 1], 4, world.timer))
    assert "".join(world.calls) == "abc" + "bca" + "cab" + "abc"


def test_rounds_are_in_the_order_of_the_calls_whoever_started() -> None:
    world = World()
    calls = [world.call("a", 1.0), world.call("b", 2.0), world.call("c", 3.0)]
    assert list(in_turns(calls, [1, 2, 1], 3, world.timer)) == [(1.0, 2.0, 3.0)] * 3


def test_an_interruption_keeps_the_rounds_that_are_complete() -> None:
    world = World()

    def stop() -> None:
        world.calls.append("b")
        if world.calls.count("b") == 3:
            raise KeyboardInterrupt

    rounds = in_turns([world.call("a", 1.0), stop], [1, 1], 9, world.timer)
    assert [next(rounds), next(rounds)] == [(1.0, 0.0)] * 2
    with pytest.raises(KeyboardInterrupt):
        next(rounds)


def test_the_spread_is_median_and_quartiles() -> None:
    assert Spread.of([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0, 1)


def test_quantiles_lie_between_values() -> None:
    assert quantile([10.0, 20.0], 0.25) == 12.5
    assert quantile([3.0, 1.0, 2.0], 1.0) == 3.0
