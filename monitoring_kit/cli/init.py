"""`mkit init`: a first spec in under a minute."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

import click

from monitoring_kit.cli.starter import CHANNELS, STARTERS, Starter, spec_text

EXAMPLES = """\b
Examples:
  mkit init
  mkit init shop.yaml --yes --service web --kind http --target web:8080
  mkit init --yes --service db --kind mysql --notify slack --address "#db-alerts"
"""


# The answer to where something is that is not there yet.
NOT_YET = "-"


@click.command("init", epilog=EXAMPLES)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("mkit.yaml"))
@click.option("--system", help="Name of the system; the folder's name when not given.")
@click.option("--service", help="Name of the service.")
@click.option("--kind", type=click.Choice(list(STARTERS)), help="What it is: gives the signals.")
@click.option("--target", help="Where its metrics are, host:port.")
@click.option("--team", help="Who answers for it.")
@click.option("--notify", type=click.Choice(list(CHANNELS)), help="How to tell.")
@click.option("--address", help="E-mail address, Slack channel, key file or URL, as --notify wants it.")
@click.option("--docs-url", help="Where the generated docs/ folder will be published: messages link to its runbooks.")
@click.option("--grafana-url", help="Where people reach Grafana: messages link to its dashboards.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the usual answer where an option is missing.")
def command(
    file: Path,
    system: str | None,
    service: str | None,
    kind: str | None,
    target: str | None,
    team: str | None,
    notify: str | None,
    address: str | None,
    docs_url: str | None,
    grafana_url: str | None,
    yes: bool,
) -> None:
    """Write a first spec for one service to FILE (mkit.yaml), asking for what no option says.

    The spec compiles as it is and its comments show what to add next. A file that exists is never overwritten.
    """
    from monitoring_kit.spec.services import TARGET
    from monitoring_kit.spec.shapes import NAME

    if file.exists():
        raise click.ClickException(
            f"{file} exists; mkit init never overwrites (name another file: mkit init other.yaml)"
        )
    ask = _Asker(yes)
    name = _matches(NAME.pattern or "", NAME.hint)
    system = ask("System", system, _folder_name(NAME.pattern or ""), name, "--system")
    service = ask("Service", service, "web", name, "--service")
    kind = ask("Kind", kind, "http", _one_of(STARTERS), "--kind")
    target = ask("Metrics at", target, STARTERS[kind][0], _matches(TARGET.pattern or "", TARGET.hint), "--target")
    team = ask("Team", team, "platform", name, "--team")
    notify = ask("Notify by", notify, "email", _one_of(CHANNELS), "--notify")
    what, example = CHANNELS[notify]
    address = ask(what[0].upper() + what[1:], address, example, _address(notify), "--address")
    docs_url = ask("Docs published at (URL, or -)", docs_url, NOT_YET, _url, "--docs-url")
    grafana_url = ask("Grafana at (URL, or -)", grafana_url, NOT_YET, _url, "--grafana-url")
    links = (url.removeprefix(NOT_YET) for url in (docs_url, grafana_url))
    _write(file, spec_text(Starter(system, service, kind, target, team, notify, address, *links)))
    click.echo(f"wrote {file}\nnext: mkit check {file}\n      mkit generate {file} -o generated")


Check = Callable[[str], str]


class _Asker:
    """Asks for an answer, or takes the default when nothing shall be asked; a wrong option ends the command."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent

    def __call__(self, question: str, given: str | None, default: str, check: Check, option: str) -> str:
        if given is not None:
            try:
                return check(given)
            except click.BadParameter as error:
                raise click.BadParameter(error.message, param_hint=f"'{option}'") from None
        if self.silent:
            return default
        try:
            answer: str = click.prompt(question, default=default, value_proc=check)
        except click.Abort as error:
            if not isinstance(error.__context__, EOFError):
                raise
            click.echo(err=True)
            raise click.UsageError(
                f"nobody answers ({question}): give {option}, or --yes to take the usual answers"
            ) from None
        return answer


def _matches(pattern: str, hint: str) -> Check:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise click.BadParameter(f"`{text}` is not {hint}")
        return text

    return check


def _one_of(words: Collection[str]) -> Check:
    def check(text: str) -> str:
        if text not in words:
            raise click.BadParameter(f"`{text}` is none of {', '.join(words)}")
        return text

    return check


def _address(notify: str) -> Check:
    if notify == "email":
        return _matches(r"[^@\s]+@[^@\s]+", "an e-mail address")
    if notify == "webhook":
        return _plain_url
    return _matches(r"[^\0\n]+", CHANNELS[notify][0])


def _plain_url(text: str) -> str:
    pattern = r"https?://[^\s/@?#]+(:\d+)?(/[^\s@?#]*)?"
    return _matches(pattern, "an http:// or https:// URL without a login in it")(text)


def _url(text: str) -> str:
    return text if text == NOT_YET else _plain_url(text)


def _folder_name(pattern: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path.cwd().name).strip("-.") or "system"
    return name if re.fullmatch(pattern, name) else "system"


def _write(file: Path, text: str) -> None:
    try:
        # Exclusive: a file that appeared meanwhile is not overwritten either.
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise click.ClickException(f"{file} exists; mkit init never overwrites") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
