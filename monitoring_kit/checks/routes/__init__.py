"""Checks of the routing trees of Alertmanager."""
