"""--web.config.file: TLS with certificates made by openssl, client certificates, users, rate limit, re-reading."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import ConfigError, Registry
from monitoring_kit.exporters.runtime.security import BasicAuth, Guarded, TokenBucket
from monitoring_kit.exporters.runtime.webconfig import load_web_config

from .conftest import Running, Start

bcrypt = pytest.importorskip("bcrypt")
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def make_ca(folder: Path, name: str) -> None:
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
    )  # fmt: skip


def make_cert(folder: Path, ca: str, name: str, san: str) -> None:
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
        "-keyout", f"{name}.key", "-out", f"{name}.csr",
    )  # fmt: skip
    (folder / f"{name}.ext").write_text(f"subjectAltName={san}\n")
    openssl(
        folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
        "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
    )  # fmt: skip


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    for ca in ("ca", "other"):
        make_ca(folder, ca)
    make_cert(folder, "ca", "server", "IP:127.0.0.1,DNS:localhost")
    make_cert(folder, "ca", "renewed", "IP:127.0.0.1,DNS:renewed")
    make_cert(folder, "ca", "client", "DNS:prometheus")
    make_cert(folder, "ca", "stranger", "DNS:stranger")
    make_cert(folder, "other", "foreign", "DNS:prometheus")
    return folder


def hashed(password: str) -> str:
    return str(bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode())


def config(folder: Path, text: str) -> str:
    path = folder / "web.yml"
    path.write_text(text)
    return str(path)


def tls_ask(run: Running, pki: Path, client: str | None = None, **options: Any) -> tuple[int, bytes, Any]:
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    if client:
        context.load_cert_chain(pki / f"{client}.pem", pki / f"{client}.key")
    for name, value in options.items():
        setattr(context, name, value)
    connection = http.client.HTTPSConnection("127.0.0.1", run.port, timeout=5, context=context)
    try:
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert()
        connection.request("GET", "/-/healthy")
        answer = connection.getresponse()
        return answer.status, answer.read(), certificate
    finally:
        connection.close()


def test_tls_and_rotation_without_restart(start: Start, registry: Registry, pki: Path, tmp_path: Path) -> None:
    for end in ("pem", "key"):
        shutil.copy(pki / f"server.{end}", tmp_path / f"tls.{end}")
    file = config(tmp_path, "tls_server_config: {cert_file: tls.pem, key_file: tls.key}")
    run = start(registry, "--web.config.file", file)
    status, _, before = tls_ask(run, pki)
    assert status == 200
    assert ("DNS", "localhost") in before["subjectAltName"]
    # Half a rotation is not usable: the last good pair stays in force.
    shutil.copy(pki / "renewed.pem", tmp_path / "tls.pem")
    assert tls_ask(run, pki)[2] == before
    shutil.copy(pki / "renewed.key", tmp_path / "tls.key")
    assert ("DNS", "renewed") in tls_ask(run, pki)[2]["subjectAltName"]


def reload_successful(run: Running, pki: Path) -> tuple[bool, int]:
    """What a scrape over TLS says, and its status."""
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    with contextlib.closing(
        http.client.HTTPSConnection("127.0.0.1", run.port, timeout=5, context=context)
    ) as connection:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return b"unit_config_last_reload_successful 1\n" in answer.read(), answer.status


def test_what_cannot_be_used_is_told_until_it_can(start: Start, registry: Registry, pki: Path, tmp_path: Path) -> None:
    def put(name: str, cert: str, key: str) -> None:
        for end, of in (("pem", cert), ("key", key)):
            (tmp_path / f"{name}.{end}").write_bytes((pki / of).read_bytes() if of else b"broken")

    text = "tls_server_config: {cert_file: %s.pem, key_file: %s.key}"
    put("tls", "server.pem", "server.key")
    run = start(registry, "--web.config.file", config(tmp_path, text % ("tls", "tls")))
    assert reload_successful(run, pki) == (True, 200)
    for cert in ("", "renewed.pem"):
        put("tls", cert, "server.key")
        for _ in range(2):
            assert reload_successful(run, pki) == (False, 200)
    # A reload of the exporter's own configuration says nothing about the certificate.
    assert run.program.reload() is None
    assert reload_successful(run, pki) == (False, 200)
    put("tls", "renewed.pem", "renewed.key")
    assert reload_successful(run, pki) == (True, 200)
    config(tmp_path, "tls_server_config: [")
    assert reload_successful(run, pki) == (False, 200)
    # Files that the running one does not know are watched too.
    config(tmp_path, text % ("new", "new"))
    assert reload_successful(run, pki) == (False, 200)
    put("new", "", "")
    assert reload_successful(run, pki) == (False, 200)
    put("new", "server.pem", "server.key")
    assert reload_successful(run, pki) == (True, 200)


def test_inline_pem_needs_no_file(start: Start, registry: Registry, pki: Path, tmp_path: Path) -> None:
    def block(name: str) -> str:
        return "|\n" + "".join(f"    {line}\n" for line in (pki / name).read_text().splitlines())

    text = f"tls_server_config:\n  cert: {block('server.pem')}  key: {block('server.key')}"
    run = start(registry, "--web.config.file", config(tmp_path, text))
    assert tls_ask(run, pki)[0] == 200


def mutual(pki: Path, tmp_path: Path, more: str = "") -> str:
    return config(
        tmp_path,
        f"tls_server_config: {{cert_file: {pki}/server.pem, key_file: {pki}/server.key, "
        f"client_ca_file: {pki}/ca.pem, client_auth_type: RequireAndVerifyClientCert{more}}}",
    )


def test_client_certificates(start: Start, registry: Registry, pki: Path, tmp_path: Path) -> None:
    run = start(registry, "--web.config.file", mutual(pki, tmp_path))
    assert tls_ask(run, pki, "client")[0] == 200
    for bad in (None, "foreign"):
        with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
            tls_ask(run, pki, bad)
    assert tls_ask(run, pki, "client")[0] == 200


def test_allowed_alternative_names(start: Start, registry: Registry, pki: Path, tmp_path: Path) -> None:
    run = start(registry, "--web.config.file", mutual(pki, tmp_path, ", client_allowed_sans: [prometheus]"))
    assert tls_ask(run, pki, "client")[0] == 200
    with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
        tls_ask(run, pki, "stranger")


def test_tls_versions_and_ciphers(start: Start, registry: Registry, pki: Path, tmp_path: Path) -> None:
    text = (
        f"tls_server_config: {{cert_file: {pki}/server.pem, key_file: {pki}/server.key, max_version: TLS12, "
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [CurveP256]}"
    )
    run = start(registry, "--web.config.file", config(tmp_path, text))
    assert tls_ask(run, pki)[0] == 200
    with pytest.raises((ssl.SSLError, OSError)):
        tls_ask(run, pki, minimum_version=ssl.TLSVersion.TLSv1_3)


def test_a_client_that_never_shakes_hands_blocks_nobody(
    start: Start, registry: Registry, pki: Path, tmp_path: Path
) -> None:
    file = config(tmp_path, f"tls_server_config: {{cert_file: {pki}/server.pem, key_file: {pki}/server.key}}")
    run = start(registry, "--web.config.file", file)
    silent = [socket.create_connection(("127.0.0.1", run.port)) for _ in range(10)]
    began = time.monotonic()
    assert tls_ask(run, pki)[0] == 200
    assert time.monotonic() - began < 2
    for sock in silent:
        sock.close()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_users(start: Start, registry: Registry, tmp_path: Path) -> None:
    run = start(
        registry, "--web.config.file", config(tmp_path, f"basic_auth_users: {{alice: {hashed('wonder:land')}}}")
    )
    for path in ("/metrics", "/", "/-/healthy", "/nowhere"):
        refused = run.ask(path)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Basic")
    assert run.ask(Authorization=basic("alice", "wonder:land")).status == 200
    wrong = (
        basic("alice", "no"),
        basic("bob", "wonder:land"),
        "Basic !!!",
        "Bearer x",
        "Basic",
        basic("alice", "x" * 500),
    )
    for header in wrong:
        assert run.ask(Authorization=header).status == 401


def test_users_change_without_restart_and_a_broken_file_keeps_them(
    start: Start, registry: Registry, tmp_path: Path
) -> None:
    file = Path(config(tmp_path, f"basic_auth_users: {{alice: {hashed('a')}}}"))
    run = start(registry, "--web.config.file", str(file))
    file.write_text("basic_auth_users: [")
    assert run.ask(Authorization=basic("alice", "a")).status == 200
    assert run.ask().status == 401
    file.write_text(f"basic_auth_users: {{bob: {hashed('b')}}}")
    assert run.ask(Authorization=basic("alice", "a")).status == 401
    assert run.ask(Authorization=basic("bob", "b")).status == 200


def test_an_unknown_user_costs_as_much_as_a_known_one() -> None:
    auth = BasicAuth()
    users = {"alice": str(bcrypt.hashpw(b"x", bcrypt.gensalt(10)).decode())}

    def cost(user: str) -> float:
        began = time.thread_time()
        assert not auth.allows(users, basic(user, f"wrong{began}"))
        return time.thread_time() - began

    known, unknown = min(cost("alice") for _ in range(3)), min(cost("mallory") for _ in range(3))
    assert unknown > known / 2


def test_results_are_cached_within_bounds() -> None:
    auth = BasicAuth()
    users = {"a": hashed("x")}
    for number in range(130):
        auth.allows(users, basic("a", str(number)))
    assert len(auth._cache) == 100
    assert auth.allows(users, basic("a", "x"))


def test_users_without_bcrypt_refuse_to_start(tmp_path: Path) -> None:
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "bcrypt.py").write_text("raise ImportError('no bcrypt here')\n")
    file = config(tmp_path, f"basic_auth_users: {{a: {hashed('x')}}}")
    code = (
        "from monitoring_kit.exporters.runtime import *\n"
        "build = lambda args, previous: Exporter(Registry('unit'))\n"
        f"raise SystemExit(run_exporter(ExporterApp('e', '1', 'd', '127.0.0.1:0', build), ['--web.config.file', {file!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "block")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "bcrypt is not installed" in done.stderr


def test_rate_limit(start: Start, registry: Registry, tmp_path: Path) -> None:
    run = start(registry, "--web.config.file", config(tmp_path, "rate_limit: {interval: 1m, burst: 3}"))
    assert [run.ask().status for _ in range(5)] == [200, 200, 200, 429, 429]


def test_token_bucket_refills() -> None:
    now = [0.0]
    bucket = TokenBucket(0.5, 2, lambda: now[0])
    assert [bucket.allow() for _ in range(3)] == [True, True, False]
    now[0] = 0.5
    assert [bucket.allow() for _ in range(2)] == [True, False]
    now[0] = 100
    assert [bucket.allow() for _ in range(3)] == [True, True, False]


def test_configured_headers(start: Start, registry: Registry, tmp_path: Path) -> None:
    text = "http_server_config: {http2: false, headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=9}}"
    answer = start(registry, "--web.config.file", config(tmp_path, text)).ask()
    assert (answer.headers["x-frame-options"], answer.headers["strict-transport-security"]) == ("deny", "max-age=9")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tls_server_config: {}", "cert or cert_file is missing"),
        ("tls_server_config: {cert_file: a}", "key or key_file is missing"),
        ("tls_server_config: {cert_file: a, cert: b, key: c}", "exclude each other"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS14}", "unknown TLS version"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12}", "above"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}", "does not verify"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Maybe}", "unknown client_auth_type"),
        ("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}", "need each other"),
        ("tls_server_config: {cert_file: a, key_file: b, client_allowed_sans: [x]}", "client_allowed_sans needs"),
        ("tls_server_config: {cert_file: 1, key_file: b}", "cert_file must be a string"),
        ("tls_server_confg: {}", "unknown key tls_server_confg"),
        ("basic_auth_users: {alice: plaintext}", "not a bcrypt hash"),
        ("basic_auth_users: [alice]", "must be a mapping"),
        ("rate_limit: {interval: fast}", "not a duration"),
        ("rate_limit: {burst: 0}", "at least 1"),
        ("http_server_config: {headers: {X-Other: a}}", "cannot be configured"),
        ("http_server_config: {headers: {X-Frame-Options: allow}}", "must be one of deny, sameorigin"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\r\\nB: c"}}', "printable ASCII"),
        ("a: [", ":1: not YAML"),
        ("- a", "must be a mapping"),
    ],
)
def test_configurations_that_are_refused(tmp_path: Path, text: str, says: str) -> None:
    file = config(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_web_config(Path(file))
    assert says in str(caught.value)
    assert file in str(caught.value)


def test_a_refused_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_web_config(Path(config(tmp_path, "basic_auth_users: {alice: hunter2}")))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_a_missing_or_foreign_key_refuses_to_start(tmp_path: Path, pki: Path, missing: str) -> None:
    files = {"cert": f"{pki}/server.pem", "key": f"{pki}/server.key"}
    files[missing] = f"{pki}/nothing"
    file = config(tmp_path, f"tls_server_config: {{cert_file: {files['cert']}, key_file: {files['key']}}}")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        Guarded(Path(file))
    file = config(tmp_path, f"tls_server_config: {{cert_file: {pki}/server.pem, key_file: {pki}/client.key}}")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        Guarded(Path(file))
