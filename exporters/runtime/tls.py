"""The TLS side of the web configuration. Imported only where TLS is configured: ssl costs 10 ms at start."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from .errors import ConfigError
from .webconfig import TLSConfig

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
# Go's names (crypto/tls) of the suites up to TLS 1.2 that it still calls secure, and OpenSSL's.
_CIPHERS = {
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
}
_TLS13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}


def server_context(config: TLSConfig) -> ssl.SSLContext:
    """A context from the configuration, certificates read now. ConfigError names what is wrong, never key material."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.min_version]
    context.maximum_version = _VERSIONS[config.max_version]
    if config.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    _ciphers(context, config)
    _curve(context, config)
    try:
        with _as_file(config.cert) as cert, _as_file(config.key) as key:
            # A callback, so that a key with a pass phrase fails instead of asking on the terminal.
            context.load_cert_chain(cert or str(config.cert_file), key or str(config.key_file), lambda: "")
        if config.client_ca or config.client_ca_file:
            context.load_verify_locations(
                cafile=None if config.client_ca else str(config.client_ca_file), cadata=config.client_ca
            )
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
        raise ConfigError(f"TLS certificate, key or client CA cannot be loaded: {reason or 'invalid'}") from None
    context.verify_mode = _AUTH[config.client_auth_type]
    return context


def _ciphers(context: ssl.SSLContext, config: TLSConfig) -> None:
    wanted = [name for name in config.cipher_suites if name not in _TLS13]
    unknown = [name for name in wanted if name not in _CIPHERS]
    if unknown:
        raise ConfigError(f"tls_server_config: unknown cipher suite {unknown[0]}")
    if wanted:
        context.set_ciphers(":".join(_CIPHERS[name] for name in wanted))


def _curve(context: ssl.SSLContext, config: TLSConfig) -> None:
    if not config.curve_preferences:
        return
    # The standard library can set one curve; the first preference wins.
    name = config.curve_preferences[0]
    try:
        context.set_ecdh_curve(_CURVES[name])
    except (KeyError, ValueError) as error:
        raise ConfigError(f"tls_server_config: curve {name!r} is not available") from error


@contextlib.contextmanager
def _as_file(pem: str | None) -> Iterator[str | None]:
    """Inline PEM as a path, in memory only: the root filesystem may be read-only, and keys do not belong on disk."""
    if pem is None:
        yield None
        return
    fd = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(fd, pem.encode())
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def handshake(context: ssl.SSLContext, sock: socket.socket, allowed_sans: tuple[str, ...]) -> ssl.SSLSocket:
    """Do the handshake; ValueError when the client's certificate has none of the allowed alternative names."""
    secured = context.wrap_socket(sock, server_side=True)
    if allowed_sans:
        certificate: dict[str, Any] = secured.getpeercert() or {}
        names = {value for _, value in certificate.get("subjectAltName", ())}
        if not names.intersection(allowed_sans):
            secured.close()
            raise ValueError("client certificate has no allowed subject alternative name")
    return secured
