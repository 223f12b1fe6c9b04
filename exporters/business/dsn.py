"""Where a source is and how to get in: URLs as SQLAlchemy writes them, with the secret part from files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..runtime.records import dataclass, field, replace
from .faults import SourceFault

MAX_SECRET_BYTES = 64 * 1024
_SCHEMES = {
    "mysql": ("mysql", "mariadb"),
    "mariadb": ("mysql", "mariadb"),
    "postgresql": ("postgresql", "postgres"),
    "sqlite": ("sqlite",),
    "redis": ("redis", "rediss", "unix"),
    "http": ("http", "https"),
}


@dataclass(frozen=True)
class Dsn:
    """The parts of a source's URL. ``repr`` shows no password."""

    scheme: str
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    options: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any message: the password, as it is and as a URL holds it."""
        return (self.password, quote(self.password, safe="")) if self.password else ()


def parse_dsn(text: str, kind: str) -> Dsn:
    """The parts of ``mysql+pymysql://user:password@host:3306/shop?charset=utf8mb4``.

    ValueError says what is wrong without quoting the text, which may hold a password.
    """
    encode = "a `@`, `/`, `?`, `#`, `[` or `]` in the password must be percent-encoded"
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        raise ValueError(f"is no URL ({encode})") from None
    try:
        port = parts.port
    except ValueError:
        # What stands there is not shown: it is a part of the password where that holds a `/`, or where the `@` is missing.
        whole = "@" in parts.netloc and "@" not in parts.path + parts.query + parts.fragment
        doubt = "" if whole else f"; if a part of the password stands there: {encode}"
        raise ValueError(f"has a port (what follows the host's `:`) that is no number from 0 to 65535{doubt}") from None
    scheme = parts.scheme.partition("+")[0].lower()
    if scheme not in _SCHEMES[kind]:
        raise ValueError(f"must begin with {' or '.join(f'{s}://' for s in _SCHEMES[kind])}")
    path = unquote(parts.path)
    return Dsn(
        scheme,
        host=(parts.hostname or "").strip("[]"),
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=path[1:] if path.startswith("/") else path,
        options=dict(parse_qsl(parts.query)),
    )


def read_secret(path: str, what: str) -> str:
    """A secret file's content without surrounding blanks. SourceFault ``connect`` names the file, never its content."""
    try:
        with Path(path).open("rb") as handle:
            raw = handle.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SourceFault("connect", f"{what} {path}: {error.strerror}") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise SourceFault("connect", f"{what} {path}: larger than {MAX_SECRET_BYTES} bytes")
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise SourceFault("connect", f"{what} {path}: not UTF-8") from None


@dataclass(frozen=True)
class Address:
    """How a source's URL is found: inline without password, or in a file; the password may have a file of its own.

    Files are read at every connect, so a rotated secret is used without a restart.
    """

    kind: str
    url: str | None = None
    dsn_file: str | None = None
    password_file: str | None = None

    def resolve(self) -> Dsn:
        """The address now. SourceFault ``connect`` when a file cannot be read or holds no URL."""
        text = self.url if self.url is not None else read_secret(self.dsn_file or "", "dsn_file")
        try:
            dsn = parse_dsn(text, self.kind)
        except ValueError as error:
            raise SourceFault("connect", f"{self.dsn_file or 'url'} {error}") from None
        if self.password_file is not None:
            dsn = replace(dsn, password=read_secret(self.password_file, "password_file"))
        return dsn
