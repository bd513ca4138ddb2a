"""Activation kinds."""
