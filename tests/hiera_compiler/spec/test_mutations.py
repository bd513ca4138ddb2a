"""A valid spec that was damaged at random either compiles or is refused in our own words; never a traceback."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import hiera_compiler as hc
from hiera_compiler.diagnostics import explanation
from hiera_compiler.source import read_text
from tests.support.random_specs import Data, specs

KEYS = [*hc.Spec.model_fields, "depth", "channels", "heads", "attention", "pool", "kind", "stride", "frames", "rate"]
WORDS = ["", "none", "max", "global", "mask_unit", "separable", "gelu", "constant", "1e3", "é\u200b", "x" * 200]
NUMBERS = [0, -1, -7, 3, 65536, 65537, 10**9, 10**30, 0.0, -0.5, 1.0, 1e-300, 1e300, float("nan"), float("inf")]
SCALARS: st.SearchStrategy[Any] = st.sampled_from([*NUMBERS, *WORDS, True, False, None])
VALUES: st.SearchStrategy[Any] = SCALARS | st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        data = data[part]
    return data


@st.composite
def damaged(draw: st.DrawFn) -> Data:
    """A valid spec after up to three changes: keys deleted, renamed or added, values replaced, swapped, nested."""
    data = copy.deepcopy(draw(specs(max_depth=2)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(data)[1:] or [()]))
        if not path:
            continue
        parent, key = at(data, path[:-1]), path[-1]
        change = draw(st.sampled_from(["delete", "replace", "rename", "add", "swap", "nest", "repeat"]))
        if change == "delete":
            del parent[key]
        elif change == "replace":
            parent[key] = draw(VALUES)
        elif change == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from([*KEYS, 3, "sizes"]))] = parent.pop(key)
        elif change == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = draw(VALUES)
        elif change == "swap":
            other = draw(st.sampled_from(places(data)[1:]))
            parent[key] = copy.deepcopy(at(data, other))
        elif change == "nest":
            parent[key] = draw(st.sampled_from([[parent[key]], {"kind": parent[key]}, {key: parent[key]}]))
        elif isinstance(parent, list):
            parent.extend(copy.deepcopy(parent[key]) for _ in range(20))
    return data


@settings(max_examples=200)
@given(damaged())
def test_a_damaged_spec_compiles_or_is_refused_in_our_words(data: Data) -> None:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    start = time.process_time()
    refusal = None
    try:
        assert hc.Compilation(read_text(text, "spec.yaml")).cost.params > 0
    except hc.SpecError as error:
        refusal = error
    if refusal is not None:
        shown = str(refusal)
        assert refusal.diagnostics
        for found in refusal.diagnostics:
            assert explanation(found.code)
            assert found.labels
            assert found.help or found.code == "H012"
        for word in ("pydantic", "Traceback", "Input should", "invalid", "please"):
            assert word not in shown
    # Generous, for a busy machine: what it must catch is work that grows with a number in the text.
    assert time.process_time() - start < 5


def test_a_key_called_as_the_kind_beside_it_is_a_key_where_no_kind_is_chosen() -> None:
    setting = "drop_path={kind: window, window: 3}"
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.compile("hiera_b", [setting]).graph
    assert [(found.message, found.labels[0].span.column) for found in caught.value.diagnostics] == [
        ("there is no key 'kind' in drop_path", setting.index("kind") + 1),
        ("there is no key 'window' in drop_path", setting.rindex("window") + 1),
    ]


def test_a_spec_of_problems_is_answered_with_the_first_fifty() -> None:
    text = "name: x\n" + "".join(f"key_{number}: 1\n" for number in range(20_000))
    start = time.process_time()
    with pytest.raises(hc.SpecError) as caught:
        _ = hc.Compilation(read_text(text, "spec.yaml")).spec
    assert len(caught.value.diagnostics) == 50
    assert time.process_time() - start < 10
