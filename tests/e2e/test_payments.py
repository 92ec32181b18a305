"""Payments by HTTP: who may make and see them, what is refused, what is stored; and what becomes of them (P8)."""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from uuid import uuid4

import pytest

from domain.keyring import KeyRing
from local.stack import Stack
from stores.payment_places import place_of_metadata
from tests.e2e.answers import Event, History, Payment, PaymentDetails
from tests.e2e.app import App, Chat, read, refusal
from tests.e2e.behind import Behind
from tests.waiting import wait_until

CARD = "4242424242424242"


def shown(chat: Chat, payment_id: int, as_user: int) -> PaymentDetails:
    return chat.app.get(PaymentDetails, f"/payments/{payment_id}", as_user=as_user)


def test_a_payment_is_made_pending_and_shown_to_its_payer_and_receiver_only(chat: Chat) -> None:
    """P8. RLS: whoever else takes part in the event sees nothing of it."""
    chat.app.act(chat.event_id, "participants", chat.author, user_id=chat.stranger)
    outsider = chat.app.user()
    made = chat.asked(metadata={"installments": 3, "card": {"brand": "현대"}}, transaction_id=f"t-{uuid4().hex}")
    assert (made.event_id, made.payer_id, made.receiver_id) == (chat.event_id, chat.author, chat.friend)
    assert (made.status, made.amount, made.refunded_amount, made.currency) == ("PENDING", "12000", "0", "KRW")
    assert 6 <= len(made.order_id) <= 64
    for user in (chat.author, chat.friend):
        seen = shown(chat, made.id, user)
        assert seen.metadata == {"installments": 3, "card": {"brand": "현대"}}
        assert (seen.order_id, seen.transaction_id) == (made.order_id, made.transaction_id)
    for user in (chat.stranger, outsider, 2**62):
        assert refusal(chat.app.call("GET", f"/payments/{made.id}", query={"as_user": user})) == (403, "")
    for payment_id in (2**62, 0, 2**63, 10**30):
        assert refusal(chat.app.call("GET", f"/payments/{payment_id}", query={"as_user": chat.author})) == (404, "")


def test_its_sum_is_shown_as_its_currency_writes_it(chat: Chat) -> None:
    made = chat.asked(amount="9.9", currency="USD", payment_method="STRIPE")
    assert (made.amount, made.refunded_amount, made.payment_method) == ("9.90", "0.00", "STRIPE")


def test_a_payment_is_in_the_history_of_its_event_without_its_details(chat: Chat) -> None:
    made = chat.asked(metadata={"memo": "현금영수증"}, transaction_id=f"t-{uuid4().hex}")
    path, query = f"/events/{chat.event_id}/history", {"as_user": chat.author}

    def entries() -> list[object]:
        history = chat.app.get(History, path, **query)
        return [(e.change_type, e.actor_id, e.new_value) for e in history.entries if e.field_name == "payments"]

    wait_until("relayed", entries)
    told = {
        "payment_id": made.id,
        "payer_id": chat.author,
        "receiver_id": chat.friend,
        "amount": "12000.00",
        "currency": "KRW",
        "refunded_amount": "0.00",
        "status": "PENDING",
    }
    assert entries() == [("PAYMENT_CREATED", chat.author, told)]


def test_who_takes_part_makes_a_payment_and_an_outsider_may_only_be_asked_to_pay(chat: Chat, behind: Behind) -> None:
    outsider, idle = chat.app.users(2)
    behind.sql("UPDATE users SET is_active = FALSE WHERE id = %s", idle)
    assert chat.asked(payer_id=outsider).payer_id == outsider
    assert chat.asked(receiver_id=outsider).receiver_id == outsider
    before = behind.stored()
    for spoilt, answer in (
        ({"payer_id": outsider, "receiver_id": chat.stranger}, (403, "")),
        ({"payer_id": 2**62, "receiver_id": chat.stranger}, (403, "")),
        ({"event_id": 2**62}, (404, "")),
        ({"payer_id": idle}, (422, "payer_id")),
        ({"receiver_id": idle}, (422, "receiver_id")),
        ({"receiver_id": 2**62}, (422, "receiver_id")),
        ({"receiver_id": chat.author}, (422, "receiver_id")),
    ):
        assert refusal(chat.app.call("POST", "/payments", chat.asks_for(**spoilt))) == answer
    assert behind.stored() == before


def test_what_metadata_says_is_stored_encrypted_and_nowhere_else(chat: Chat, behind: Behind, system: Stack) -> None:
    secret = f"memo-{uuid4().hex}"
    key = {"idempotency-key": uuid4().hex}
    answer = chat.app.call("POST", "/payments", chat.asks_for(metadata={"a": secret}), headers=key)
    made = read(answer, HTTPStatus.CREATED, Payment)
    ((sealed,),) = behind.sql("SELECT metadata ->> 'encrypted' FROM payments WHERE id = %s", made.id)
    keys = KeyRing.parse(system.env["TIMINGLE_DATA_KEYS"])
    assert keys.decrypt(bytes.fromhex(sealed), place_of_metadata(made.id)).decode() == f'{{"a":"{secret}"}}'
    for table in ("payments", "idempotency_keys", "event_history_outbox"):
        rows = behind.sql(f"SELECT count(*) FROM {table} AS t WHERE to_jsonb(t)::TEXT ~ %s", secret)
        assert rows == [(0,)], table


@pytest.mark.parametrize("times", [2, 10])
def test_repeats_of_an_idempotency_key_make_one_payment(chat: Chat, behind: Behind, times: int) -> None:
    """P2."""
    key, body = {"idempotency-key": uuid4().hex}, chat.asks_for()
    with ThreadPoolExecutor(times) as threads:
        answers = list(threads.map(lambda _: chat.app.call("POST", "/payments", body, headers=key), range(times)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(HTTPStatus.CREATED, answers[0].content)}
    assert behind.sql("SELECT count(*) FROM payments WHERE event_id = %s", chat.event_id) == [(1,)]
    assert refusal(chat.app.call("POST", "/payments", {**body, "amount": "1"}, headers=key)) == (422, "Idempotency-Key")


def test_a_card_number_is_refused_by_its_field_and_stored_nowhere(app: App, chat: Chat, behind: Behind) -> None:
    """In the header of a repeat too. Letters around digits make an id of them, which is none."""
    made = chat.asked()
    before = behind.stored()
    key = {"idempotency-key": CARD}
    for path, body in (
        ("/payments", chat.asks_for()),
        (f"/payments/{made.id}/confirm", {"payment_key": "a"}),
        (f"/payments/{made.id}/refund", {"actor_id": chat.friend, "amount": "1", "reason": "a"}),
    ):
        assert refusal(app.call("POST", path, body, headers=key)) == (422, "Idempotency-Key")
    grouped = "-".join(CARD[at : at + 4] for at in range(0, 16, 4))
    refused = app.call("POST", "/payments", chat.asks_for(metadata={"a": {"b": grouped}}))
    assert refusal(refused) == (422, "metadata[...][...]")
    assert CARD[4:12] not in refused.text
    assert behind.stored() == before
    chat.asked(metadata={"a": f"order{CARD}"})


def test_a_transaction_is_of_one_payment(chat: Chat) -> None:
    transaction_id = f"t-{uuid4().hex}"
    chat.asked(transaction_id=transaction_id)
    assert refusal(chat.app.call("POST", "/payments", chat.asks_for(transaction_id=transaction_id))) == (409, "")


def test_only_its_payer_or_receiver_confirms_and_only_its_receiver_refunds(chat: Chat, behind: Behind) -> None:
    made = chat.asked()
    before = behind.stored()
    for actor in (chat.stranger, 2**62):
        body = {"payment_key": "a", "actor_id": actor}
        assert refusal(chat.app.call("POST", f"/payments/{made.id}/confirm", body)) == (403, "")
    for actor, status in ((chat.author, 403), (chat.stranger, 403), (chat.friend, 409)):  # nothing is paid yet
        body = {"actor_id": actor, "amount": "1", "reason": "a"}
        assert refusal(chat.app.call("POST", f"/payments/{made.id}/refund", body)) == (status, "")
    assert behind.stored() == before


def test_an_event_with_payments_takes_changes_as_before(chat: Chat) -> None:
    """Their guard reads the last entry about the payment, not the last of all."""
    chat.asked()
    assert chat.app.act(chat.event_id, "confirm", chat.friend).status == "CONFIRMED"
    chat.asked()
    assert chat.app.get(Event, f"/events/{chat.event_id}", as_user=chat.author).status == "CONFIRMED"
