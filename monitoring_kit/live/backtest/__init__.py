"""Replay alerting rules over recorded history: which alerts would have fired, when, and with what labels."""
