"""Alertmanager configurations as positioned routing trees, and what their matchers can match."""
