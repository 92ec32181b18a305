"""timingle payments: what we have against what the providers list; and what was quarantined."""

import sys
from datetime import datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import providers
import settings
from cli.exit_codes import ExitCode
from cli.opened import migrated
from cli.tables import cell, print_table
from domain.errors import NotThere
from domain.payment import Provider
from domain.reconciliation import Difference
from stores import quarantine as quarantined_rows
from stores.quarantine import Quarantined
from tasks.reconciliation import Reconciliation

SHOWN_MAX: Final = 100
"""A screen or two; --all shows the rest."""
Ids = Annotated[list[int], typer.Argument(metavar="ID...", min=1)]

app = typer.Typer(no_args_is_help=True, help="Payments: compare them with the providers, look at the quarantine.")
quarantine = typer.Typer(
    no_args_is_help=True, help="Webhooks whose payment is not what was asked for: look, mend the cause, resolve."
)
app.add_typer(quarantine, name="quarantine")


@app.command()
def reconcile(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="A day in Korea.")],
    provider: Annotated[
        list[Provider] | None, typer.Option(case_sensitive=False, help="Only this one; may be given more than once.")
    ] = None,
) -> None:
    """Compare what we have of a day with what the providers list of it; changes nothing.

    Exits with 8 if something differs. What we made that day and they do not list is asked for one by one.
    """
    # Not at the top: `worker` reads the settings as it is imported, and --help needs none.
    from worker.addresses import provider_settings

    differing = 0
    providers.configure(provider_settings())
    with migrated() as stores:
        for one in provider or with_key():
            reconciliation = Reconciliation(stores, one, day.date())
            found = compared(one, reconciliation)
            print(
                f"{one}, {day.date()}: {len(reconciliation.listed)} listed, {len(reconciliation.unlisted)} more of ours"
            )
            if found:
                columns = ("what differs", "payment", "order", "transaction", "ours", "theirs")
                print_table(columns, map(row_of_difference, found))
            differing += len(found)
    print(f"{differing} differ.")
    if differing:
        raise typer.Exit(ExitCode.DIFFERENT)


@quarantine.command(name="list")
def show_list(
    every: Annotated[bool, typer.Option("--all", help=f"All of them, not only the newest {SHOWN_MAX}.")] = False,
) -> None:
    """Show what was quarantined and not resolved, newest first: ids and reasons, never a body."""
    with migrated() as stores:
        found = quarantined_rows.find(stores.postgres)
        while every and found and (older := quarantined_rows.find(stores.postgres, before=found[-1].id)):
            found += older
    columns = ("id", "reason", "provider", "event", "payment", "order", "transaction", "verified", "since")
    print_table(columns, map(row_of_webhook, found))
    if not every and len(found) == SHOWN_MAX:
        print(f"These are the newest {SHOWN_MAX}; --all shows all.", file=sys.stderr)


@quarantine.command()
def show(
    inbox_id: Annotated[int, typer.Argument(metavar="ID", min=1)],
    payload: Annotated[bool, typer.Option("--payload", help="The body too: personal data.")] = False,
) -> None:
    """Show one webhook by ids; with --payload also its body, decrypted, as it came."""
    with migrated() as stores:
        webhook = quarantined_rows.get(stores.postgres, inbox_id)
        for name in ("id", "state", "reason", "outcome", "provider", "event_type", "provider_event_id", "payment_id",
                     "order_id", "transaction_id", "is_verified", "received_at", "processed_at"):  # fmt: skip
            print(f"{name:<17} {cell(getattr(webhook, name))}")
        if payload:
            print("What follows is personal data: treat it so.", file=sys.stderr)
            print(webhook.payload(stores.keys).decode("utf-8", "replace"))


@quarantine.command()
def resolve(
    ids: Ids,
    again: Annotated[bool, typer.Option("--again", help="The cause is mended: ask the provider once more.")] = False,
) -> None:
    """Close webhooks that somebody has looked at; their payments stay as they are. With --again they wait once more."""
    with migrated() as stores:
        resolved = quarantined_rows.resolve(stores.postgres, ids, again=again)
    if resolved:
        print(f"{len(resolved)} {'wait again' if again else 'resolved'}")
    if missing := sorted({*ids} - resolved):
        listed = ", ".join(map(str, missing))
        raise NotThere(f"No quarantined webhook {listed}; see `timingle payments quarantine list`.")


def with_key() -> list[Provider]:
    """The providers that this system has keys of."""
    keys = {Provider.TOSS: settings.current().toss_secret_key, Provider.STRIPE: settings.current().stripe_secret_key}
    return [provider for provider, key in keys.items() if key]


def compared(provider: Provider, reconciliation: Reconciliation) -> list[Difference]:
    """What differs, with a bar to watch meanwhile."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    found: list[Difference] = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(provider, total=reconciliation.count)
        for differences in reconciliation.differences():
            found += differences
            progress.advance(bar)
    return found


def row_of_difference(one: Difference) -> tuple[object, ...]:
    """A difference as the table shows it."""
    return one.kind, one.payment_id, one.order_id, one.transaction_id, one.ours, one.theirs


def row_of_webhook(one: Quarantined) -> tuple[object, ...]:
    """A webhook as the list shows it."""
    names = (one.payment_id, one.order_id, one.transaction_id)
    return one.id, one.reason, one.provider, one.event_type, *names, one.is_verified, one.received_at
