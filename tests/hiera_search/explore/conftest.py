from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hiera_search.explore import Request, Search

SPACE = """
extends: hiera_b
name: small
let:
  width: {range: [64, 128, 16]}
  head: {choose: [16, 32, 48]}
stages:
  0: {depth: {range: [1, 3]}, channels: {tie: width}, heads: {tie: width, over: head}}
  1: {depth: {range: [2, 4]}, channels: {tie: width, times: 2}, heads: {tie: width, times: 2, over: head}}
  2:
    depth: {range: [6, 18, 3]}
    channels: {tie: width, times: 4}
    heads: {tie: width, times: 4, over: head}
    attention: {choose: [global, mask_unit]}
  3: {depth: {range: [2, 4]}, channels: {tie: width, times: 8}, heads: {tie: width, times: 8, over: head}}
mlp_ratio: {choose: [3, 4]}
"""

Searcher = Callable[..., Search]


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    """Makes searches of one small space, all in one folder."""
    file = tmp_path / "small.yaml"
    file.write_text(SPACE)
    folder = tmp_path / "result"
    folder.mkdir()
    return lambda **asked: Search(Request().changed({"space": str(file), **asked}), folder)
