"""P2. What tells a repeat from another message: the scope of a client_id, and the hash of a body."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import MessageId
from domain.submissions import Receipt, body_hash, idempotency_key
from tests.strategies import message_ids, row_ids

client_ids = st.text(max_size=64)
scopes = st.tuples(row_ids, row_ids, st.none() | row_ids, client_ids)
maps = st.dictionaries(st.text(max_size=5), st.text(max_size=5), min_size=1, max_size=6)


@given(scopes, scopes)
def test_two_client_ids_share_a_key_only_if_app_event_and_actor_are_the_same(
    one: tuple[int, int, int | None, str], other: tuple[int, int, int | None, str]
) -> None:
    assert (idempotency_key(*one) == idempotency_key(*other)) == (one == other)


@given(row_ids, row_ids, row_ids, client_ids)
def test_no_client_id_can_be_made_up_to_reach_into_another_scope(
    app_id: int, event_id: int, actor_id: int, client_id: str
) -> None:
    """The text that would name another actor's, in an app's own scope."""
    forged = f"{actor_id}:{client_id}"
    assert idempotency_key(app_id, event_id, None, client_id) != idempotency_key(app_id, event_id, None, forged)
    assert idempotency_key(app_id, event_id, None, forged) != idempotency_key(app_id, event_id, actor_id, client_id)


@given(maps, st.randoms())
def test_maps_in_another_order_are_the_same_body(metadata: dict[str, str], random: Any) -> None:
    pairs = list(metadata.items())
    random.shuffle(pairs)
    assert body_hash("text", dict(pairs)) == body_hash("text", metadata)


bodies = st.tuples(st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3).map(tuple), maps)


@given(bodies, bodies)
def test_another_body_has_another_hash(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert (body_hash(*one) == body_hash(*other)) == (one == other)
    assert len(body_hash(*one)) == 16


def test_a_hash_never_changes() -> None:
    """The journal remembers hashes for up to a week: a deploy in between must not make a repeat a conflict."""
    assert body_hash("안녕", "text", (), None, {"b": "2", "a": "1"}).hex() == "7e6cbd620ce6630534e8ff16cc166900"


@given(message_ids)
def test_a_receipt_names_the_message_that_was_made(message_id: MessageId) -> None:
    assert Receipt(message_id.version, message_id.seq, message_id.random).message_id == message_id
