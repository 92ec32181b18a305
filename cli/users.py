"""timingle users: find somebody by their phone number."""

from typing import Annotated

import typer

from cli.opened import migrated
from cli.tables import print_table
from domain.errors import NotThere
from domain.phone import parse
from stores import users

app = typer.Typer(no_args_is_help=True, help="Users, found by what they tell of themselves.")


@app.command()
def find(
    phone: Annotated[str, typer.Option(help="However it is written; without a country code it is Korean.")],
) -> None:
    """Show who has this phone number now; of a user who was deleted it is not known any more."""
    e164 = parse(phone)
    with migrated() as stores:
        found = users.find(stores.postgres, stores.keys, stores.index_keys, e164)
    if not found:
        raise NotThere("Nobody has this number now.")
    columns = ("id", "phone", "name", "display name", "role", "plan", "active", "since")
    print_table(
        columns, [(u.id, u.phone, u.name, u.display_name, u.role, u.plan, u.is_active, u.created_at) for u in found]
    )
