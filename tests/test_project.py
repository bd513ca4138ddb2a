"""The project's own files (versions, wheel, licence) and the public packages that tests compare with."""

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.public_packages import hiera_reference, timm, transformers

CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
# Of apache.org's LICENSE-2.0.txt.
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def pinned_lines() -> list[str]:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins() -> dict[str, Version]:
    names_and_versions = (line.split("==") for line in pinned_lines())
    return {canonicalize_name(name): Version(version) for name, version in names_and_versions}


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != PROJECT["name"]]


def test_every_constraint_is_one_exact_version_of_the_package_index() -> None:
    assert [line for line in pinned_lines() if not re.fullmatch(r"[\w.-]+==\d[\w.]*", line)] == []
    assert len(pins()) == len(pinned_lines())


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_what_pyproject_asks_for_is_pinned_above_its_floor(requirement: Requirement) -> None:
    assert {specifier.operator for specifier in requirement.specifier} == {">="}
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("absent", ["torchvision", "timm", "transformers", "hiera-transformer"])
def test_running_needs_no_other_implementation(absent: str) -> None:
    assert absent not in [Requirement(line).name for line in PROJECT["dependencies"]]


def test_licence_is_the_whole_apache_text() -> None:
    assert hashlib.sha256((CHECKOUT / "LICENSE").read_bytes()).hexdigest() == APACHE_2


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_wheel_owns_no_other_top_level_names(wheel: zipfile.ZipFile) -> None:
    top_level = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}
    assert top_level == {"hiera_compiler", "hiera_cli", "hiera_search"}


def test_wheel_ships_every_file_of_the_specs_folder_and_the_typing_marker(wheel: zipfile.ZipFile) -> None:
    specs = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "specs").rglob("*") if path.is_file()}
    assert "specs/hiera_b.yaml" in specs
    assert {f"hiera_compiler/{name}" for name in specs} <= set(wheel.namelist())
    assert "hiera_compiler/py.typed" in wheel.namelist()


def test_wheel_installs_the_hiera_command(wheel: zipfile.ZipFile) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "hiera = hiera_cli.main:main" in wheel.read(entry_points).decode()


def test_public_packages_build_the_same_tiny_model() -> None:
    """Beside a CPU-only torch, offline, and with warnings as errors."""
    import torch

    sizes = {"embed_dim": 8, "num_heads": 1, "stages": (1, 1), "q_pool": 1, "num_classes": 5}
    of_authors = hiera_reference().Hiera(input_size=(32, 32), **sizes)
    of_timm = timm().models.hiera.Hiera(img_size=(32, 32), **sizes)
    config = transformers().HieraConfig(
        embed_dim=8, num_heads=[1, 2], depths=[1, 1], num_query_pool=1, image_size=[32, 32], num_labels=5
    )
    of_transformers = transformers().HieraForImageClassification(config)

    models = [of_authors, of_timm, of_transformers]
    assert len({sum(weights.numel() for weights in model.parameters()) for model in models}) == 1
    image = torch.zeros(1, 3, 32, 32)
    logits = [of_authors(image), of_timm(image), of_transformers(image).logits]
    assert [tuple(scores.shape) for scores in logits] == [(1, 5)] * 3
