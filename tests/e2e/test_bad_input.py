"""Bad input: a clear 4xx that names the field, and nothing is stored."""

from typing import Any
from uuid import UUID

import pytest

from tests.e2e.app import TIMES, refusal
from tests.e2e.calls import Calls

pytestmark = pytest.mark.usefixtures("nothing_is_stored")
MISSING = object()
HUGE = "9" * 100_000
HTTPS = "https://a.example/"


FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("send", {"message": ""}, "message"),
    ("send", {"message": "가" * 4_001}, "message"),
    ("send", {"message": "😀" * 4_001}, "message"),
    ("send", {"message": None}, "message"),
    ("send", {"message": 5}, "message"),
    ("send", {"message": MISSING}, "message"),
    ("send", {"message": "가" * 4_000, "metadata": {"a": "가" * 1_500}}, "message"),
    ("send", {"attachments": [HTTPS + "a" * 2_000] * 9}, "message"),
    ("send", {"message_type": "video"}, "message_type"),
    ("send", {"message_type": "system"}, "message_type"),
    ("send", {"message_type": "Text"}, "message_type"),
    ("send", {"message_type": None}, "message_type"),
    ("send", {"attachments": [HTTPS] * 11}, "attachments"),
    ("send", {"attachments": HTTPS}, "attachments"),
    ("send", {"attachments": [HTTPS, "http://a.example/"]}, "attachments[1]"),
    ("send", {"attachments": ["javascript:alert(1)"]}, "attachments[0]"),
    ("send", {"attachments": ["//a.example/"]}, "attachments[0]"),
    ("send", {"attachments": ["https://"]}, "attachments[0]"),
    ("send", {"attachments": [" " + HTTPS]}, "attachments[0]"),
    ("send", {"attachments": [HTTPS + "a b"]}, "attachments[0]"),
    ("send", {"attachments": [HTTPS + "\n"]}, "attachments[0]"),
    ("send", {"attachments": [HTTPS + "a" * 2_048]}, "attachments[0]"),
    ("send", {"attachments": [None]}, "attachments[0]"),
    ("send", {"reply_to": "no uuid"}, "reply_to"),
    ("send", {"reply_to": ""}, "reply_to"),
    ("send", {"reply_to": 1}, "reply_to"),
    ("send", {"reply_to": str(UUID(int=0))}, "reply_to"),
    ("send", {"reply_to": str(UUID(int=2**128 - 1))}, "reply_to"),
    ("send", {"metadata": {"a": 1}}, "metadata[...]"),
    ("send", {"metadata": {"a": {"b": "c"}}}, "metadata[...]"),
    ("send", {"metadata": None}, "metadata"),
    ("send", {"metadata": [["a", "b"]]}, "metadata"),
    ("send", {"client_id": ""}, "client_id"),
    ("send", {"client_id": "가" * 65}, "client_id"),
    ("send", {"client_id": 5}, "client_id"),
    ("send", {"actor_id": 0}, "actor_id"),
    ("send", {"actor_id": -1}, "actor_id"),
    ("send", {"actor_id": 2**63}, "actor_id"),
    ("send", {"actor_id": 2**64}, "actor_id"),
    ("send", {"actor_id": "1"}, "actor_id"),
    ("send", {"actor_id": True}, "actor_id"),
    ("send", {"actor_id": 1.5}, "actor_id"),
    ("send", {"actor_id": None}, "actor_id"),
    ("send", {"actor_id": MISSING}, "actor_id"),
    ("send", {"event_id": 1}, "event_id"),
    ("send", {"sender_name": "원장님"}, "sender_name"),
    ("send", {"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ("edit", {"message": ""}, "message"),
    ("edit", {"message": "가" * 4_001}, "message"),
    ("edit", {"attachments": []}, "attachments"),
    ("edit", {"actor_id": 0}, "actor_id"),
    ("react", {"emoji": ""}, "emoji"),
    ("react", {"emoji": "🎉" * 33}, "emoji"),
    ("react", {"emoji": None}, "emoji"),
    ("react", {"emoji": MISSING}, "emoji"),
    ("react", {"emojis": "🎉"}, "emojis"),
    ("typing", {"actor_id": -1}, "actor_id"),
    ("typing", {"actor_id": MISSING}, "actor_id"),
    ("typing", {"for": 10}, "for"),
    ("read", {"up_to": "no uuid"}, "up_to"),
    ("read", {"up_to": str(UUID(int=0))}, "up_to"),
    ("read", {"up_to": None}, "up_to"),
    ("read", {"up_to": MISSING}, "up_to"),
    ("read", {"up_to": 3}, "up_to"),
    ("read", {"seq": 3}, "seq"),
    ("bulk", {"messages": []}, "messages"),
    ("bulk", {"messages": [{}] * 1_001}, "messages"),
    ("bulk", {"messages": {}}, "messages"),
    ("bulk", {"messages": None}, "messages"),
    ("bulk", {"messages": MISSING}, "messages"),
    ("bulk", {"actor_id": 1}, "actor_id"),
    ("user", {"phone": MISSING}, "phone"),
    ("user", {"phone": ""}, "phone"),
    ("user", {"phone": "call me"}, "phone"),
    ("user", {"phone": "+1"}, "phone"),
    ("user", {"phone": "0" * 12}, "phone"),
    ("user", {"phone": "1" * 41}, "phone"),
    ("user", {"phone": "+82 10 1234 56789"}, "phone"),
    ("user", {"phone": 821012345678}, "phone"),
    ("user", {"name": ""}, "name"),
    ("user", {"name": "가" * 101}, "name"),
    ("user", {"display_name": "가" * 101}, "display_name"),
    ("user", {"email": "nobody"}, "email"),
    ("user", {"email": "a@b"}, "email"),
    ("user", {"email": "a b@c.example"}, "email"),
    ("user", {"email": "a@c.example\n"}, "email"),
    ("user", {"email": "a" * 250 + "@c.example"}, "email"),
    ("user", {"region": "가" * 51}, "region"),
    ("user", {"interests": [""]}, "interests[0]"),
    ("user", {"interests": ["a"] * 51}, "interests"),
    ("user", {"interests": "컷"}, "interests"),
    ("user", {"role": "ADMIN"}, "role"),
    ("user", {"plan": "GOLD"}, "plan"),
    ("user", {"profile_image_url": "http://a.example/"}, "profile_image_url"),
    ("user", {"id": 1}, "id"),
    ("user", {"is_active": False}, "is_active"),
    ("event", {"title": ""}, "title"),
    ("event", {"title": "가" * 201}, "title"),
    ("event", {"title": MISSING}, "title"),
    ("event", {"description": "가" * 10_001}, "description"),
    ("event", {"location": "가" * 201}, "location"),
    ("event", {"end_time": "2099-01-01T09:59:59+09:00"}, "end_time"),
    ("event", {"end_time": TIMES["start_time"]}, "end_time"),
    ("event", {"end_time": MISSING}, "end_time"),
    ("event", {"start_time": "2020-01-01T10:00:00+09:00"}, "start_time"),
    ("event", {"start_time": "2099-01-01T10:00:00"}, "start_time"),
    ("event", {"end_time": "2099-01-01T11:00:00"}, "end_time"),
    ("event", {"start_time": "2099-01-01"}, "start_time"),
    ("event", {"start_time": "tomorrow"}, "start_time"),
    ("event", {"start_time": 4_070_908_800}, "start_time"),
    ("event", {"start_time": "2099-02-30T10:00:00Z"}, "start_time"),
    ("event", {"start_time": "0001-01-01T00:00:00+14:00", "allow_past": True}, "start_time"),
    ("event", {"end_time": "9999-12-31T23:59:59-14:00"}, "end_time"),
    ("event", {"participant_ids": [0]}, "participant_ids[0]"),
    ("event", {"participant_ids": [2**63 - 1]}, "participant_ids[0]"),
    ("event", {"participant_ids": [2**63]}, "participant_ids[0]"),
    ("event", {"participant_ids": [1] * 10_001}, "participant_ids"),
    ("event", {"participant_ids": None}, "participant_ids"),
    ("event", {"actor_id": -5}, "actor_id"),
    ("event", {"allow_past": "yes"}, "allow_past"),
    ("event", {"status": "CONFIRMED"}, "status"),
    ("event", {"journal": 1}, "journal"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "field"), FIELDS, ids=lambda value: str(value)[:50])
def test_a_bad_field_is_named(calls: Calls, name: str, change: dict[str, Any], field: str) -> None:
    body = {key: value for key, value in (calls.body(name) | change).items() if value is not MISSING}
    method, path = calls.address(name)
    assert refusal(calls.chat.app.call(method, path, body)) == (422, field)


QUERIES: list[tuple[str, str, str]] = [
    ("page", "", "as_user"),
    ("page", "as_user=", "as_user"),
    ("page", "as_user=0", "as_user"),
    ("page", "as_user=-1", "as_user"),
    ("page", f"as_user={2**63}", "as_user"),
    ("page", f"as_user={HUGE[:5_000]}", "as_user"),
    ("page", "as_user=me", "as_user"),
    ("page", "as_user=1.0", "as_user"),
    ("page", "as_user=1e3", "as_user"),
    ("page", "as_user=%EF%BC%91", "as_user"),
    ("page", "as_user=%ff", "as_user"),
    ("page", "as_user=1%00", "as_user"),
    ("page", "as_user=true", "as_user"),
    ("page", "$&as_user=1", "as_user"),
    ("page", "$&limit=0", "limit"),
    ("page", "$&limit=101", "limit"),
    ("page", "$&limit=-5", "limit"),
    ("page", "$&limit=", "limit"),
    ("page", "$&limit=50.0", "limit"),
    ("page", "$&limit=null", "limit"),
    ("page", f"$&limit={HUGE[:50_000]}", "limit"),
    ("page", "$&limit=5&limit=5", "limit"),
    ("page", "$&before=", "before"),
    ("page", "$&before=null", "before"),
    ("page", "$&before=zzz", "before"),
    ("page", "$&before=%ff", "before"),
    ("page", f"$&before={UUID(int=0)}", "before"),
    ("page", "$&after=zzz", "after"),
    ("page", f"$&after={UUID(int=1)}", "after"),
    ("page", f"$&after={UUID(int=2**128 - 1)}", "after"),
    ("page", "$&before=#&after=#", "before"),
    ("page", "$&before=#&from=2020-01-01T00:00:00Z", "before"),
    ("page", "$&after=#&to=2020-01-01T00:00:00Z", "before"),
    ("page", "$&from=2020-01-01T00:00:00", "from"),
    ("page", "$&from=2020-01-01T00:00:00+09:00", "from"),  # a + that is not escaped is a blank
    ("page", "$&from=yesterday", "from"),
    ("page", "$&from=1577836800", "from"),
    ("page", "$&to=", "to"),
    ("page", "$&to=NaN", "to"),
    ("page", "$&offset=5", "offset"),
    ("page", "$&From=2020-01-01T00:00:00Z", "From"),
    ("page", "$&" + "&".join(f"p{n}=" for n in range(9_000)), "p0"),
    ("page", "&".join("p=" for _ in range(20_000)), "p"),
    ("page", "$&p=" + "a" * 60_000, "p"),
    ("typists", "", "as_user"),
    ("typists", "$&limit=5", "limit"),
    ("show", "", "as_user"),
    ("show", "as_user=x", "as_user"),
    ("activity", "limit=101", "limit"),
    ("activity", "before=1", "before"),
    ("unread", "limit=501", "limit"),
    ("unread", "before=0", "before"),
    ("unread", f"before={2**63}", "before"),
    ("unread", "before=zzz", "before"),
    ("delete", "", "actor_id"),
    ("delete", "actor_id=0", "actor_id"),
    ("delete", "$&as_user=1", "as_user"),
    ("take_back", "actor_id=x", "actor_id"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "query", "field"), QUERIES, ids=lambda value: str(value)[:50])
def test_a_bad_parameter_is_named(calls: Calls, name: str, query: str, field: str) -> None:
    """`$` stands for a good actor or reader, `#` for a message's id."""
    who = "&".join(f"{key}={value}" for key, value in calls.query(name).items())
    answer = calls.ask(name, query.replace("$", who).replace("#", str(calls.message)))
    assert refusal(answer) == (422, field)


@pytest.mark.parametrize(
    "path",
    ["events/x/messages", "events/-1/messages", "events/1.0/messages", "events/%ff/messages", "events/%D9%A1/messages",
     "events/1%00/messages", f"events/{HUGE[:5_000]}/messages", f"events/{2**63}/messages", "users/-1/unread",
     f"users/{HUGE[:5_000]}/activity", "users/%EF%BC%91/activity", "%ff", "%00"],
    ids=lambda path: path[:30],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_no_path_of_ours_can_be_is_not_there(calls: Calls, method: str, path: str) -> None:
    body = calls.body("send") if method == "POST" else None
    answer = calls.chat.app.call(method, f"/{path}", body, query={"as_user": calls.chat.author})
    assert refusal(answer)[0] in ((404,) if method == "GET" else (404, 405))
