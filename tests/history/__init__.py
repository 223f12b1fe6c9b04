"""Anomaly and capacity alerts over weeks of history: what the scenarios are, and the page of what comes of them."""
