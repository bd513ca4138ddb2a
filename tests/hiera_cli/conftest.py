from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hiera_cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


Hiera = Callable[..., Result]


@pytest.fixture
def hiera(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hiera:
    """Runs a command in this process."""
    # Set to what it is, so that what `main` sets is taken back.
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "__all__")

    def run(*arguments: str) -> Result:
        code = main(arguments)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run
