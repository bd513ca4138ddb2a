"""optuna-dashboard opens a study: its own server, asked as a browser asks it."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from hiera_search.ledger import Job, Ledger, enqueue, record, wait_for
from tests.support.workers import candidates

pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")


def get(app: Any, path: str) -> dict[str, Any]:
    """The JSON that the dashboard answers at a path."""
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "HTTP_ACCEPT_ENCODING": "identity",
    }
    body = b"".join(app(environ, lambda line, headers, error=None: status.append(line)))
    assert status == ["200 OK"]
    answer: dict[str, Any] = json.loads(body)
    return answer


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_dashboard_shows_our_trials(ledger: Ledger, nap: Callable[..., Job]) -> None:
    from optuna_dashboard import wsgi  # type: ignore[import-untyped]

    record(ledger, candidates(3), {"device": "cpu"})
    wait_for(ledger, enqueue(ledger, candidates(2), nap()))
    app = wsgi(ledger.optuna)
    (study,) = get(app, "/api/studies")["study_summaries"]
    assert study["study_name"] == "search"
    shown = get(app, f"/api/studies/{study['study_id']}")
    assert [trial["state"] for trial in shown["trials"]] == ["Complete"] * 5
    assert {parameter["name"] for parameter in shown["trials"][0]["params"]} == {"width", "depth"}
    attributes = {one["key"]: one["value"] for one in shown["trials"][3]["user_attrs"]}
    assert "latency_ms" in attributes["found"]
