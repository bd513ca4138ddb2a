"""What holds for all tests. torch is not imported here: tests that need none must start without it.

Test support is imported by its full name, `from tests.support.public_packages import timm`: pytest puts
the checkout first on the path (`pythonpath` in pyproject.toml), and mypy finds the name in the same place.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parent.parent

# Generating the same examples in every run keeps a gate from failing by chance; to look for new ones run
# `pytest --hypothesis-profile=explore`. No deadline: the first example pays for imports and compiling.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("gate")


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before anything imports torch; workers and child processes inherit it."""
    # A compiled kernel costs seconds of gcc: all workers, and the next run, take it from here.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(CHECKOUT / ".cache" / "torchinductor"))
    # No test sees what its user has calibrated.
    os.environ["XDG_DATA_HOME"] = str(CHECKOUT / ".cache" / "data")
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The workers share the cores already: more threads, or a pool of compilers each, would only contend.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
