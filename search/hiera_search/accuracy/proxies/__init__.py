"""One file is one zero-cost proxy."""
