"""timingle clients: the apps that may call the API."""

import difflib
from typing import Annotated, Final

import typer

from cli.opened import migrated
from cli.tables import print_table
from domain.errors import BadInput
from ingest.clients import AREAS, SCOPES
from stores import api_clients

RATE_DEFAULT: Final = 50_000
"""Operations a second: more than one app has reason for, and what one ingest process can do."""
RATE_MAX: Final = 2**31 - 1
"""What the column holds."""

app = typer.Typer(no_args_is_help=True, help="The apps that may call the API, and their keys.")


@app.command()
def create(
    name: Annotated[str, typer.Option(help="How lists show it; unique.")],
    scopes: Annotated[
        str,
        typer.Option(metavar="A,B", help=f"Such as messages:read, or messages for both; areas: {', '.join(AREAS)}."),
    ],
    rate: Annotated[
        int, typer.Option(min=1, max=RATE_MAX, help="Operations a second; each message of a bulk is one.")
    ] = RATE_DEFAULT,
) -> None:
    """Add an app and print its key, once: it is not kept anywhere."""
    if not name.strip() or not name.isprintable():
        raise BadInput("--name must be one line of printable characters.", "name")
    wanted = parse_scopes(scopes)
    with migrated() as stores:
        key = api_clients.create(stores.postgres, name, wanted, rate)
    print(f"{name} may now use {', '.join(wanted)}. This is its key; it is shown only now:")
    print(key)


@app.command(name="list")
def show_list() -> None:
    """Show all apps, those whose key has ended too."""
    with migrated() as stores:
        rows = [
            (client.id, client.name, " ".join(client.scopes), client.rate_per_s, client.created_at, client.revoked_at)
            for client in api_clients.listed(stores.postgres)
        ]
    print_table(("id", "name", "scopes", "rate/s", "created", "revoked"), rows)


@app.command()
def revoke(
    name: Annotated[str | None, typer.Argument(metavar="NAME")] = None,
    option: Annotated[str | None, typer.Option("--name", help="The same as NAME.")] = None,
) -> None:
    """End an app's key for good. Ingest notices within seconds."""
    meant = {given for given in (name, option) if given is not None}
    if len(meant) != 1:
        raise BadInput("Say which client: timingle clients revoke NAME.", "name")
    with migrated() as stores:
        api_clients.revoke(stores.postgres, *meant)
    print(f"{meant.pop()} can call no more.")


def parse_scopes(text: str) -> list[str]:
    """Scopes from `events:read,messages`, in our order; an area alone is both of its. Raises BadInput."""
    found: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        meant = {scope for scope in SCOPES if part in (scope, scope.partition(":")[0])}
        if not meant:
            near = difflib.get_close_matches(part, (*SCOPES, *AREAS), n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise BadInput(f"There is no scope {part!r}.{guess} All scopes: {', '.join(SCOPES)}.", "scopes")
        found |= meant
    if not found:
        raise BadInput(f"--scopes names none. All scopes: {', '.join(SCOPES)}.", "scopes")
    return [scope for scope in SCOPES if scope in found]
