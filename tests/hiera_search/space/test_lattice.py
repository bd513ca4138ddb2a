"""The lattice from MViTv2-L to Hiera-L beside the paper's Table 1, as the benchmark prints it."""

import pytest

from benchmarks.mvit_to_hiera import SPACES, points, report
from hiera_compiler.estimate.evaluation import ABLATION
from hiera_search.explore.regime import choose_profile

PROFILE = choose_profile("a100-40gb", "paper-eager-amp")


@pytest.mark.parametrize("name", SPACES)
def test_every_row_of_the_paper_is_one_point_and_no_point_is_lost(name: str) -> None:
    found = list(points(name, PROFILE))
    rows = [point.row.name for point in found if point.row is not None]
    assert sorted(rows) == sorted(ABLATION.values())
    assert (len(found), len({point.options for point in found})) == (34, 34)


def test_fastest_point_on_images_is_hiera_l_as_in_the_paper() -> None:
    fastest = max(points("mvit_to_hiera", PROFILE), key=lambda point: point.predicted.throughput)
    assert fastest.row is not None
    assert (fastest.row.name, fastest.row.top1, fastest.row.measured) == ("f_mask_unit_attention", 85.6, 531.4)


def test_report_names_both_fronts() -> None:
    text = report("mvit_to_hiera", PROFILE)
    assert "by the measured speed f_mask_unit_attention and d_kernel_is_stride" in text
