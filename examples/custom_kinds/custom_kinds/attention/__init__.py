"""Attention kinds; every file of this package is looked through."""
