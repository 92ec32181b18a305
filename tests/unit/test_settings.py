"""Settings: every mistake is one sentence that names its variable, and shows no secret."""

import base64

import pytest

import settings
from domain.errors import SettingsError

KEY = base64.b64encode(bytes(32)).decode()
NEWER_KEY = base64.b64encode(bytes([1]) * 32).decode()
GIVEN = {
    "TIMINGLE_POSTGRES_URL": "postgresql://timingle:canary@127.0.0.1/timingle",
    "TIMINGLE_POSTGRES_API_URL": "postgresql://timingle_api:canary@127.0.0.1/timingle",
    "TIMINGLE_SCYLLA_CONTACT_POINTS": "node-1:9042, node-2:9043",
    "TIMINGLE_BROKER_URL": "redis://:canary@127.0.0.1/0",
    "TIMINGLE_JOURNAL_URLS": "redis://:canary@127.0.0.1/0, redis://:canary@127.0.0.1/1",
    "TIMINGLE_DATA_KEYS": f"1:{KEY}",
    "TIMINGLE_INDEX_KEY": KEY,
}


def test_what_is_needed_is_enough_and_comes_out_typed() -> None:
    parsed = settings.parse(
        {**GIVEN, "TIMINGLE_JOURNAL_KEEP": "2.5", "TIMINGLE_SCYLLA_REPLICATION": "1", "PATH": "/bin"}
    )
    assert parsed.contact_points == (("node-1", 9042), ("node-2", 9043))
    assert parsed.journals == ("redis://:canary@127.0.0.1/0", "redis://:canary@127.0.0.1/1")
    assert (parsed.journal_keep, parsed.scylla_replication, parsed.index_keys) == (2.5, 1, (bytes(32),))
    assert (parsed.log_level, parsed.scylla_keyspace, parsed.flower_basic_auth) == ("INFO", "timingle", None)


def test_without_keys_the_providers_are_closed_and_real_ones_are_asked() -> None:
    parsed = settings.parse(GIVEN)
    assert (parsed.toss_secret_key, parsed.stripe_secret_key, parsed.stripe_secrets, parsed.toss_networks) == (
        *("", "", ()),
        (),
    )
    assert (parsed.toss_base_url, parsed.stripe_base_url) == ("https://api.tosspayments.com", "https://api.stripe.com")


def test_the_keys_of_stripe_come_together_and_its_signing_secret_may_be_rolled() -> None:
    both = {"TIMINGLE_STRIPE_SECRET_KEY": "canary", "TIMINGLE_STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old"}
    assert settings.parse({**GIVEN, **both}).stripe_secrets == ("whsec_new", "whsec_old")
    for name in both:
        with pytest.raises(SettingsError, match="STRIPE_WEBHOOK_SECRETS must be given if") as raised:
            settings.parse({**GIVEN, name: both[name]})
        assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://api.example.com", "http://127.0.0.1:8010", "http://localhost:1", "http://[::1]:9"]
)
def test_a_provider_may_be_a_server_of_this_machine(url: str) -> None:
    assert settings.parse({**GIVEN, "TIMINGLE_TOSS_BASE_URL": url}).toss_base_url == url


def test_the_index_may_have_two_keys_the_newest_first() -> None:
    parsed = settings.parse({**GIVEN, "TIMINGLE_INDEX_KEY": f"{NEWER_KEY}, {KEY}"})
    assert parsed.index_keys == (bytes([1]) * 32, bytes(32))


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_needed_and_missing_is_named(name: str, value: str | None) -> None:
    environ = {k: v for k, v in {**GIVEN, name: value}.items() if v is not None}
    with pytest.raises(SettingsError) as raised:
        settings.parse(environ)
    assert str(raised.value) == f"Not set: {name}. `make up` writes local ones to .local/env."


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        settings.parse({})
    assert all(name in str(raised.value) for name in GIVEN)


def test_a_misspelt_variable_is_refused_with_a_guess() -> None:
    with pytest.raises(
        SettingsError, match="TIMINGLE_JURNAL_KEEP is no setting of timingle; did you mean TIMINGLE_JOURNAL"
    ):
        settings.parse({**GIVEN, "TIMINGLE_JURNAL_KEEP": "20"})
    with pytest.raises(SettingsError, match=r"TIMINGLE_QQQQQQQQ is no setting of timingle\."):
        settings.parse({**GIVEN, "TIMINGLE_QQQQQQQQ": "20"})


def test_what_only_the_local_stack_reads_is_no_mistake() -> None:
    settings.parse({**GIVEN, "TIMINGLE_INGEST_PORT": "8000", "TIMINGLE_STATE_DIR": "/x"})


@pytest.mark.parametrize(
    ("name", "canary"),
    [
        *(
            ("SCYLLA_CONTACT_POINTS", wrong)
            for wrong in ("canary", "canary:", ":9042", "h:0", "h:65536", "h:x", "h:1,")
        ),
        *(("TRUSTED_PROXIES", wrong) for wrong in ("canary", "10.0.0.0/33", "10.0.0.1/8")),
        *(("TOSS_SOURCE_NETWORKS", wrong) for wrong in ("canary", "10.0.0.1/8")),
        *(
            (name, wrong)
            for name in ("TOSS_BASE_URL", "STRIPE_BASE_URL")
            for wrong in (
                "canary",
                "http://canary.example",
                "https://x/canary",
                "https://canary@x",
                "https://x/",
                "ftp://x",
            )
        ),
        *(("JOURNAL_URLS", wrong) for wrong in ("canary", "redis://:canary@h/0,", "postgresql://canary")),
        *(
            ("INDEX_KEY", wrong)
            for wrong in (
                "canary",
                "Y2FuYXJ5",
                "카나리아",
                KEY + "!",
                KEY[:-4] + "=",
                f"{KEY},",
                f",{KEY}",
                f"{KEY},canary",
                f"{KEY},{KEY}",
                f"{KEY},{NEWER_KEY},{base64.b64encode(bytes([2]) * 32).decode()}",
            )
        ),
        *(("SCYLLA_REPLICATION", wrong) for wrong in ("0", "10", "two", "1.5")),
        *(("JOURNAL_KEEP", wrong) for wrong in ("0", "-1", "soon", "nan")),
        *(("SCYLLA_KEYSPACE", wrong) for wrong in ("Timingle", "1st", "a-b", "a; DROP TABLE b")),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable_and_not_shown(name: str, canary: str) -> None:
    with pytest.raises(SettingsError, match=f"TIMINGLE_{name}") as raised:
        settings.parse({**GIVEN, f"TIMINGLE_{name}": canary})
    assert "canary" not in str(raised.value)


def test_a_variable_changed_later_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TIMINGLE_LOG_LEVEL", raising=False)
    settings.current.cache_clear()
    try:
        before = settings.current()
        monkeypatch.setenv("TIMINGLE_LOG_LEVEL", "DEBUG")
        assert settings.current() is before
    finally:
        settings.current.cache_clear()
