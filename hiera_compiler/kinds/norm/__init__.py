"""Normalisation kinds."""
