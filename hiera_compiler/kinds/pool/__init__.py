"""Pooling kinds."""
