"""What a name on the command line stands for: told apart without importing torch."""

PEERS = ("timm:", "module:")


def is_peer(target: str) -> bool:
    """Whether a name is that of somebody else's model, and not of a spec."""
    return target.startswith(PEERS)
