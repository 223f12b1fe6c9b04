"""`mkit schema`: the JSON Schema of the spec."""

from __future__ import annotations

import click

EXAMPLES = """\b
Examples:
  mkit schema > mkit.schema.json
  # first line of a spec, for editors with the YAML language server:
  # yaml-language-server: $schema=./mkit.schema.json
"""


@click.command("schema", epilog=EXAMPLES)
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of the spec language, with descriptions, for editors."""
    import json

    from monitoring_kit.spec import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
