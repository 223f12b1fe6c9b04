"""Capture of the blackbox exporter: probes of real servers on loopback, every prober that works there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from monitoring_kit.live.catalog import Catalog, merge
from monitoring_kit.stack.lab import Lab, LabError, free_port, listens, read
from monitoring_kit.stack.recipes import finish, program

_MODULES = """\
modules:
  http: {prober: http, http: {preferred_ip_protocol: ip4, fail_if_body_not_matches_regexp: ["hello"]}}
  https: {prober: http, http: {preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}}
  tcp: {prober: tcp, tcp: {preferred_ip_protocol: ip4}}
  tls: {prober: tcp, tcp: {preferred_ip_protocol: ip4, tls: true, tls_config: {insecure_skip_verify: true}}}
  icmp: {prober: icmp, icmp: {preferred_ip_protocol: ip4}}
  dns: {prober: dns, dns: {query_name: localhost, query_type: A, transport_protocol: udp}}
"""
_SERVER = """\
import http.server, ssl, sys
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(b"hello")
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hello)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def probe(lab: Lab) -> Catalog:
    """The union of what the exporter answers for each prober, and of its own metrics."""
    plain, secure, port = free_port(), free_port(), free_port()
    lab.start("http", [sys.executable, "-c", _SERVER, str(plain)], lambda: listens(plain))
    lab.start("https", [sys.executable, "-c", _SERVER, str(secure), _certificate(lab)], lambda: listens(secure))
    config = lab.write("blackbox.yml", _MODULES)
    package = "prometheus-blackbox-exporter"
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [program(package), f"--web.listen-address=127.0.0.1:{port}", f"--config.file={config}"]
    lab.start("blackbox", command, f"{url}/-/healthy")
    targets = {
        "http": f"http://127.0.0.1:{plain}/",
        "https": f"https://127.0.0.1:{secure}/",
        "tcp": f"127.0.0.1:{plain}",
        "tls": f"127.0.0.1:{secure}",
        "icmp": "127.0.0.1",
        "dns": f"127.0.0.1:{plain}",
    }
    closed = ("probe_http_duration_seconds:phase", "probe_icmp_duration_seconds:phase")
    how = "HTTP, HTTPS, TCP, TLS, ICMP and DNS probes on loopback, and its own metrics"
    texts = [read(f"{url}/probe?module={module}&target={target}", 30) for module, target in targets.items()]
    texts.append(read(f"{url}/metrics"))
    first, *others = (finish("blackbox_exporter", package, how, text, closed) for text in texts)
    return merge(first, *others)


def _certificate(lab: Lab) -> str:
    openssl = shutil.which("openssl")
    if openssl is None:
        raise LabError("openssl is not on PATH; it makes the certificate of the HTTPS probe's target")
    file = lab.folder / "server.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    lab.run("openssl", [openssl, *words, "-keyout", file, "-out", lab.folder / "cert.pem"])
    file.write_text(file.read_text() + (lab.folder / "cert.pem").read_text())
    return str(file)
