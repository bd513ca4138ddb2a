from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiera_search.explore.front import crowding, distinct, non_dominated, ranks

figures = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=40)


def arrays(points: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([cost for cost, _ in points], float), np.array([score for _, score in points], float)


def beats(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(figures)
def test_front_is_what_comparing_all_pairs_gives(points: list[tuple[int, int]]) -> None:
    expected = [index for index, one in enumerate(points) if not any(beats(other, one) for other in points)]
    found = non_dominated(*arrays(points))
    assert sorted(found.tolist()) == expected
    assert [points[index][0] for index in found] == sorted(points[index][0] for index in found)


@given(figures)
def test_ranks_peel_one_front_after_another(points: list[tuple[int, int]]) -> None:
    expected: dict[int, int] = {}
    left = dict(enumerate(points))
    rank = 0
    while left:
        front = [index for index, one in left.items() if not any(beats(other, one) for other in left.values())]
        expected |= dict.fromkeys(front, rank)
        left = {index: one for index, one in left.items() if index not in front}
        rank += 1
    found = ranks(*arrays(points))
    assert dict(enumerate(found.tolist())) == expected


def test_ends_of_a_front_are_never_crowded() -> None:
    cost, score = np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 2.0, 3.0, 4.0])
    distance = crowding(cost, score, np.zeros(4, np.intp))
    assert np.isinf(distance[[0, 3]]).all()
    assert distance[2] > distance[1]
    assert distance[1] == pytest.approx(2 / 9 + 2 / 3)


def test_crowding_does_not_look_across_fronts() -> None:
    cost, score = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
    assert np.isinf(crowding(cost, score, np.array([0, 1, 0]))).all()


def test_without_noise_only_equal_scores_are_ties() -> None:
    assert distinct(np.array([5.0, 6.0, 6.0, 7.0]), 0.0).tolist() == [True, True, False, True]


def test_of_members_within_the_noise_the_cheapest_is_chosen() -> None:
    assert distinct(np.array([80.0, 80.4, 80.6, 80.9, 81.2]), 0.5).tolist() == [True, False, True, False, True]
