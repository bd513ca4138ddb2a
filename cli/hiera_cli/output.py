"""What goes to stdout for programs."""

from typing import Any

import typer


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON object."""
    # Imported here: `hiera --help` needs none.
    import json

    typer.echo(json.dumps(data, indent=2))
