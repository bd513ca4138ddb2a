"""Kinds of another package, as docs/kinds.md of the Hiera compiler explains them."""
