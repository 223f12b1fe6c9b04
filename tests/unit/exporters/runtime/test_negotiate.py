"""Content negotiation and gzip of an exposition."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit.exporters.runtime.negotiate import accepts_gzip, negotiate
from monitoring_kit.exporters.runtime.packing import Packer

TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROTO = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
OM = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping="
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_2_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "form", "content_type"),
    [
        ("", "text", TEXT),
        ("*/*", "text", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text", TEXT),
        ("application/json", "text", TEXT),
        ("text/*", "text", TEXT),
        ("text/plain", "text", TEXT),
        ("text/plain;version=0.0.4", "text", TEXT),
        ("text/plain;version=9.9", "text", TEXT),
        ("text/plain;version=1.0.0", "text", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
        ("text/plain;version=1.0.0;escaping=dots", "text", "text/plain; version=1.0.0; charset=utf-8; escaping=dots"),
        (PROMETHEUS_2, "openmetrics", OM + "underscores"),
        (PROMETHEUS_2_NATIVE, "protobuf", PROTO),
        (PROMETHEUS_3, "openmetrics", OM + "allow-utf-8"),
        ("application/openmetrics-text;escaping=allow-utf8", "openmetrics", OM + "allow-utf-8"),
        ("application/openmetrics-text;escaping=\r\nx", "openmetrics", OM + "underscores"),
        ("application/openmetrics-text; version=0.0.1", "openmetrics",
         "application/openmetrics-text; version=0.0.1; charset=utf-8"),
        ("application/openmetrics-text; version=2.0.0", "text", TEXT),
        ("application/openmetrics-text;q=0,text/plain;q=0.1", "text", TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", "text", TEXT),
        ("text/plain;q=0.2,application/openmetrics-text;q=0.9", "openmetrics", OM + "underscores"),
        ("application/openmetrics-text;q=nan,text/plain;q=0.1", "text", TEXT),
        ("application/openmetrics-text;q=7,text/plain;q=0.1", "text", TEXT),
        ("application/vnd.google.protobuf;proto=other.Message;encoding=delimited", "text", TEXT),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", "text", TEXT),
    ],
)  # fmt: skip
def test_negotiate(accept: str, form: str, content_type: str) -> None:
    chosen = negotiate(accept)
    assert (chosen.form, chosen.content_type) == (form, content_type)


@given(st.text())
def test_no_accept_header_makes_an_unsafe_content_type(accept: str) -> None:
    chosen = negotiate(accept)
    assert chosen.content_type.isascii()
    assert chosen.content_type.isprintable()


@pytest.mark.parametrize(
    ("header", "want"),
    [
        ("", False), ("gzip", True), ("gzip;q=0", False), ("identity", False), ("deflate, gzip;q=0.5", True),
        ("*", True), ("*;q=0", False), ("gzip;q=0, *", False), ("x-gzip", True), ("GZIP", True),
    ],
)  # fmt: skip
def test_accepts_gzip(header: str, want: bool) -> None:
    assert accepts_gzip(header) is want


@given(st.lists(st.lists(st.sampled_from([b"", b"a" * 10, b"b" * 5000, bytes(range(256)) * 40, b"z" * 2048]))))
def test_packed_bodies_unpack_whatever_is_reused(bodies: list[list[bytes]]) -> None:
    packer = Packer()
    for pieces in bodies:
        packed = packer.gzip(pieces)
        assert gzip.decompress(packed) == b"".join(pieces)
        # One member, so that readers which stop after the first see everything.
        reader = zlib.decompressobj(31)
        assert reader.decompress(packed) == b"".join(pieces)
        assert reader.eof
        assert reader.unused_data == b""


def test_kept_blocks_are_dropped_when_they_are_no_longer_sent() -> None:
    packer = Packer()
    packer.gzip([b"x" * 5000, b"y" * 5000])
    packer.gzip([b"small"])
    assert packer._kept == {}
