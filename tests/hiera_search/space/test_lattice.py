"""The lattice from MViTv2-L to Hiera-L beside the paper's Table 1, as the benchmark prints it."""

from xml.etree import ElementTree

import pytest

from benchmarks.lattice import SPACES, Point, fronts, lattice, trained
from benchmarks.lattice_picture import svg
from benchmarks.mvit_to_hiera import report
from hiera_compiler.estimate.paper_throughput import ABLATION
from hiera_search.explore.regime import choose_profile

PROFILE = choose_profile("a100-40gb", "paper-eager-amp")


@pytest.fixture(scope="module")
def images() -> list[Point]:
    return lattice("mvit_to_hiera", PROFILE)


@pytest.mark.parametrize("name", SPACES)
def test_every_row_of_the_paper_is_one_point_and_no_point_is_lost(name: str) -> None:
    found = lattice(name, PROFILE)
    rows = [point.row.name for point in found if point.row is not None]
    assert sorted(rows) == sorted(ABLATION.values())
    assert (len(found), len({point.options for point in found})) == (34, 34)


def test_fastest_point_on_images_is_hiera_l_as_in_the_paper(images: list[Point]) -> None:
    fastest = images[0].row
    assert fastest is not None
    assert (fastest.name, fastest.top1, fastest.measured) == ("f_mask_unit_attention", 85.6, 531.4)


def test_predicted_front_on_images_is_the_measured_one_in_the_order_of_the_paper(images: list[Point]) -> None:
    measured, predicted = fronts(trained(images))
    assert [row.name for row in measured] == ["f_mask_unit_attention", "d_kernel_is_stride"]
    assert predicted == measured
    text = report("mvit_to_hiera", images)
    assert "by the measured speed f_mask_unit_attention and d_kernel_is_stride; the same by the predicted" in text
    assert "(Kendall's tau): 1.00" in text


def test_picture_draws_each_row_twice_and_each_other_point_once(images: list[Point]) -> None:
    elements = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg(images, "images/s")).iter()]
    assert elements.count("circle") == 2 * len(ABLATION) + 2  # two of them in the legend
    grid = 5  # from 84 to 86 by halves
    assert elements.count("polyline") == len(images) - len(ABLATION) + 1 + len(ABLATION) + 2 + grid
