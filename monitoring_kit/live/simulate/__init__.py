"""Incidents as data, replayed through the real rule engine: what each alert does, how soon, and how often for nothing."""
