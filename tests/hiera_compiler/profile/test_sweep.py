from collections.abc import Callable

import pytest

from hiera_compiler.profile.sweep import OutOfMemory, Tried, best_batch, sweep


def rates(table: dict[int, float | None]) -> Callable[[int], float]:
    def rate(batch: int) -> float:
        found = table[batch]
        if found is None:
            raise OutOfMemory(batch)
        return found

    return rate


def test_the_batch_doubles_while_it_pays() -> None:
    table: dict[int, float | None] = {1: 10.0, 2: 18.0, 4: 30.0, 8: 40.0}
    tried = list(sweep(rates(table), largest=8, gain=0.02))
    assert [one.batch for one in tried] == [1, 2, 4, 8]
    assert best_batch(tried) == 8


def test_two_doublings_without_a_gain_end_the_sweep() -> None:
    table: dict[int, float | None] = {1: 10.0, 2: 20.0, 4: 20.1, 8: 20.2, 16: 99.0}
    tried = list(sweep(rates(table), largest=64, gain=0.02))
    assert [one.batch for one in tried] == [1, 2, 4, 8]


def test_one_slow_batch_is_noise_and_does_not_end_it() -> None:
    table: dict[int, float | None] = {1: 10.0, 2: 9.0, 4: 30.0, 8: 31.0, 16: 30.0, 32: 30.0}
    tried = list(sweep(rates(table), largest=64, gain=0.02))
    assert [one.batch for one in tried] == [1, 2, 4, 8, 16, 32]
    assert best_batch(tried) == 8


def test_the_end_of_memory_ends_the_sweep_and_is_told() -> None:
    tried = list(sweep(rates({1: 10.0, 2: 20.0, 4: None}), largest=64, gain=0.02))
    assert tried == [Tried(1, 10.0), Tried(2, 20.0), Tried(4, None)]
    assert best_batch(tried) == 2


def test_a_model_that_never_fits_is_no_sweep() -> None:
    with pytest.raises(OutOfMemory, match="batch of 1"):
        list(sweep(rates({1: None}), largest=64, gain=0.02))
