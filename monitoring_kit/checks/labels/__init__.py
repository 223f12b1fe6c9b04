"""Checks of labels and templates."""
