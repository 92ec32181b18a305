"""The `timingle` command: parse, call, print. A module per subcommand; an error of ours is one line."""

import sys
from enum import IntEnum

import typer

from cli import migrate
from domain.errors import Away, SettingsError, TimingleError


class ExitCode(IntEnum):
    """What a script that calls us can tell apart."""

    FAILED = 1
    WRONG_SETTINGS = 3
    STORE_AWAY = 4


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Operate timingle.")
app.add_typer(migrate.app, name="migrate")


def main() -> None:
    """The command's entry point."""
    try:
        app()
    except TimingleError as error:
        print(f"timingle: {error}", file=sys.stderr)
        sys.exit(exit_code(error))


def exit_code(error: TimingleError) -> ExitCode:
    match error:
        case SettingsError():
            return ExitCode.WRONG_SETTINGS
        case Away():
            return ExitCode.STORE_AWAY
        case _:
            return ExitCode.FAILED
