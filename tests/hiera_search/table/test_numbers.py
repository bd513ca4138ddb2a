"""Numbers of keys: the same before and after they grow, dense and sparse."""

from __future__ import annotations

import numpy as np
import pytest

from hiera_search.table.numbers import DENSE, Numbers, Pairs, Radix


@pytest.mark.parametrize("scale", [1, 1000, DENSE, 2**40])
def test_each_key_has_one_number_however_large_the_keys_grow(scale: int) -> None:
    numbers, known = Numbers(), dict[int, int]()
    random = np.random.default_rng(0)
    for round_ in range(6):
        keys = random.integers(0, 50, 40) * (scale if round_ > 1 else 1)
        found = numbers.find(keys)
        assert found.tolist() == [known.get(key, -1) for key in keys.tolist()]
        new = np.unique(keys[found < 0])
        numbers.add(new)
        known |= {key: len(known) + place for place, key in enumerate(new.tolist())}
        assert numbers.find(keys).tolist() == [known[key] for key in keys.tolist()]
    assert numbers.count == len(known)


def test_pairs_keep_their_numbers_when_more_columns_come() -> None:
    pairs = Pairs()
    rows, columns = np.array([0, 1, 5], np.int32), np.array([0, 2, 1], np.int32)
    pairs.add(rows, columns)
    for width in (3, 100, 10**6):
        assert pairs.find(rows, columns, width).tolist() == [0, 1, 2]
        assert pairs.find(columns, rows, max(width, 6)).tolist() == [0, -1, -1]


@pytest.mark.parametrize("digits", [(3, 4, 5), (10_000,) * 9, (2,) * 70])
def test_keys_are_equal_where_the_options_of_the_holes_are(digits: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    options = np.stack([random.integers(0, digit, 200) for digit in digits]).astype(np.int64)
    options = np.concatenate([options, options[:, :50]], axis=1)
    holes = range(1, len(digits))
    radix = Radix(holes, digits)
    keys = [*radix.of(options[:, :120]).tolist(), *radix.of(options[:, 120:]).tolist()]
    told = [tuple(column) for column in options[1:].T.tolist()]
    assert len(set(zip(keys, told, strict=True))) == len(set(keys)) == len(set(told))


def test_no_holes_have_one_key() -> None:
    assert Radix([], (2, 3)).of(np.zeros((2, 4), np.int64)).tolist() == [0] * 4
