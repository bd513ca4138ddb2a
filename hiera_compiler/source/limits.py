"""How large a spec may be, so that reading one takes bounded time and memory."""

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_PROBLEMS = 50
MAX_EXTENDS = 8
