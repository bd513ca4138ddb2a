"""Architecture search over Hiera specs; the explorer arrives with its own release."""
