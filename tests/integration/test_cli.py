"""`timingle` as an operator calls it: its help, its exit codes, its clients."""

import re

import pytest

from cli import clients
from cli.exit_codes import ExitCode, exit_code
from domain.errors import (
    Away,
    BadInput,
    Conflict,
    JournalFull,
    MigrationError,
    NotThere,
    SettingsError,
    TimingleError,
    Wrong,
)
from ingest.clients import AREAS, SCOPES
from stores import api_clients
from tests.integration.own import Own, rows_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError(), ExitCode.WRONG_SETTINGS),
        (BadInput("No.", "x"), ExitCode.WRONG_USAGE),
        (Away("PostgreSQL", "x"), ExitCode.STORE_AWAY),
        (JournalFull("the journal", "x"), ExitCode.STORE_AWAY),
        *((error, ExitCode.FAILED) for error in (Conflict(), NotThere(), MigrationError(), Wrong("PostgreSQL", "x"))),
    ],
)
def test_a_script_can_tell_why_a_command_failed(error: TimingleError, code: ExitCode) -> None:
    assert exit_code(error) is code


def test_help_needs_no_settings_and_explains_every_exit_code_and_command(own: Own) -> None:
    bare = Own(dict.fromkeys(own.env, ""), own.stores)
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", bare.output_of("--help")).split())
    for code in ExitCode:
        assert f"{code.value} {code.meaning}" in said
    for command in ("migrate", "clients", "dead-letters", "keys", "users", "health"):
        assert command in said


def test_a_key_is_printed_once_alone_on_the_last_line(own: Own) -> None:
    said = own.output_of("clients", "create", "--name", "salon [1]", "--scopes", "messages, users:read", "--rate", "9")
    key = said.splitlines()[-1]
    assert said.count(key) == 1
    assert re.fullmatch(r"timingle_[\w-]{43}", key)
    (client,) = api_clients.listed(own.stores.postgres)
    assert (client.name, client.rate_per_s) == ("salon [1]", 9)
    assert client.scopes == ["messages:read", "messages:write", "users:read"]
    shown = own.output_of("clients", "list")
    assert key not in shown
    assert rows_of(shown)[0][1:4] == ["salon [1]", "messages:read messages:write users:read", "9"]


@pytest.mark.parametrize(
    ("scopes", "says"),
    [
        ("mesages", "There is no scope 'mesages'. Did you mean messages?"),
        ("messages:raed", "There is no scope 'messages:raed'. Did you mean messages:read?"),
        ("messages,xyz", "There is no scope 'xyz'. All scopes:"),
        ("messages:", "There is no scope 'messages:'."),
        (" , ", "--scopes names none."),
    ],
)
def test_an_unknown_scope_is_refused_with_a_guess_and_all_that_there_are(scopes: str, says: str) -> None:
    with pytest.raises(BadInput) as raised:
        clients.create("salon", scopes)
    assert says in str(raised.value)
    assert ", ".join(SCOPES) in str(raised.value)


def test_every_area_alone_is_both_of_its_scopes_and_any_order_is_ours() -> None:
    assert clients.parse_scopes(",".join(AREAS[::-1])) == list(SCOPES)
    assert clients.parse_scopes("users:write, messages:read,users:write,") == ["messages:read", "users:write"]


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[31mred", "\udcff"])
def test_a_name_that_would_spoil_a_list_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="--name"):
        clients.create(name, "messages")


def test_what_is_refused_is_one_line_and_no_client_is_made(own: Own) -> None:
    code, line = own.failure_of("clients", "create", "--name", "x", "--scopes", "mesages")
    assert code == ExitCode.WRONG_USAGE
    assert line.startswith("timingle: There is no scope 'mesages'.")
    own.output_of("clients", "create", "--name", "salon", "--scopes", "messages")
    code, line = own.failure_of("clients", "create", "--name", "salon", "--scopes", "messages")
    assert code == ExitCode.FAILED
    assert line == "timingle: There is a client named salon already; choose another name."
    assert [client.name for client in api_clients.listed(own.stores.postgres)] == ["salon"]


@pytest.mark.parametrize("arguments", [("salon",), ("--name", "salon")])
def test_a_client_is_revoked_by_its_name(own: Own, arguments: tuple[str, ...]) -> None:
    api_clients.create(own.stores.postgres, "salon", ["messages:read"], 1)
    assert own.output_of("clients", "revoke", *arguments) == "salon can call no more.\n"
    (client,) = api_clients.listed(own.stores.postgres)
    assert client.revoked_at is not None


@pytest.mark.parametrize(("name", "option"), [(None, None), ("a", "b")])
def test_revoking_nobody_or_two_at_once_is_refused(name: str | None, option: str | None) -> None:
    with pytest.raises(BadInput, match="clients revoke NAME"):
        clients.revoke(name, option)
