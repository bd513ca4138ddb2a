"""One file is one rung of the ladder."""
