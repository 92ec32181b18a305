"""The `timingle` command: parse, call, print. A module per subcommand; an error of ours is one line."""

import logging
import sys

import typer

from cli import audit, clients, dead_letters, exit_codes, health, keys, migrate, payments, users
from cli.exit_codes import ExitCode
from domain.errors import TimingleError

__all__ = ["ExitCode", "app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Operate timingle.", epilog=exit_codes.described())
app.add_typer(migrate.app, name="migrate")
app.add_typer(clients.app, name="clients")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(payments.app, name="payments")
app.command(name="health")(health.health)


def main() -> None:
    """The command's entry point."""
    # Of a store that is away our own error says enough; the drivers would say it again for each attempt.
    logging.basicConfig(level=logging.CRITICAL)
    try:
        app()
    except TimingleError as error:
        print(f"timingle: {error}", file=sys.stderr)
        sys.exit(exit_codes.exit_code(error))
