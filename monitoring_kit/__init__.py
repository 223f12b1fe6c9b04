"""mkit: a compiler for monitoring.

One YAML spec in; verified Prometheus, Alertmanager and Grafana files out.
"""

__version__ = "0.1.0"
