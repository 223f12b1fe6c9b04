"""Checks of expressions."""
