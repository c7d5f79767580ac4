"""The commands about the certificates that open our account."""

from typing import Final

import click

from chatd.client.cli.commands.options import AS_JSON, options_of


@click.group()
def certificate() -> None:
    """Let certificates open your account, and list and remove those that do."""


@certificate.command("add")
@click.argument("fingerprint", required=False, default="")
@click.option("--name", metavar="TEXT", default="", help="What you call it, such as the device it is on.")
@click.pass_context
def add_certificate(context: click.Context, fingerprint: str, name: str) -> None:
    """Let the certificate of --cert open your account, or the one with FINGERPRINT."""
    from chatd.client.cli.certificates import run_add  # noqa: PLC0415

    context.exit(run_add(options_of(context), fingerprint, name))


@certificate.command("list")
@AS_JSON
@click.pass_context
def list_certificates(context: click.Context, as_json: bool) -> None:
    """List the certificates that open your account."""
    from chatd.client.cli.certificates import run_list  # noqa: PLC0415

    context.exit(run_list(options_of(context), as_json=as_json))


@certificate.command("remove")
@click.argument("which", metavar="FINGERPRINT")
@click.pass_context
def remove_certificate(context: click.Context, which: str) -> None:
    """Let a certificate open your account no more; the first 8 digits of its FINGERPRINT are enough."""
    from chatd.client.cli.certificates import run_remove  # noqa: PLC0415

    context.exit(run_remove(options_of(context), which))


COMMANDS: Final = (certificate,)
