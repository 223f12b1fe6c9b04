"""A small spec that the commands are tried on."""

SPEC = """\
version: mkit/v1
system: shop
services:
  web:
    kind: http
    scrape: {targets: ["web:8080"]}
alerts:
  HighErrorRate: {services: [web], when: errors > 5%, for: 5m, severity: critical, notify: [mail]}
channels:
  mail: {kind: webhook, url: "http://hook:1/"}
"""
