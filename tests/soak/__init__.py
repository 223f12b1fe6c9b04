"""Soak: both exporters under load, scraped by a real Prometheus, while their sources die and return."""
