"""Each call of the API as it would be taken, to be spoilt in one place by a test."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from tests.e2e.app import TIMES, Chat, new_phone


@dataclass(frozen=True)
class Calls:
    """Calls that would be taken, were it not for what a test changes in them."""

    chat: Chat
    message: UUID
    payment_id: int

    def address(self, name: str) -> tuple[str, str]:
        chat, message = self.chat, f"{self.chat.path}/{self.message}"
        addresses = {
            "send": ("POST", chat.path),
            "edit": ("PATCH", message),
            "react": ("PUT", f"{message}/reactions"),
            "typing": ("PUT", f"/events/{chat.event_id}/typing"),
            "read": ("POST", f"/events/{chat.event_id}/read"),
            "bulk": ("POST", "/messages:batch"),
            "user": ("POST", "/users"),
            "event": ("POST", "/events"),
            "delete": ("DELETE", message),
            "take_back": ("DELETE", f"{message}/reactions"),
            "page": ("GET", chat.path),
            "typists": ("GET", f"/events/{chat.event_id}/typing"),
            "activity": ("GET", f"/users/{chat.author}/activity"),
            "unread": ("GET", f"/users/{chat.author}/unread"),
            "show": ("GET", f"/events/{chat.event_id}"),
            "change": ("PATCH", f"/events/{chat.event_id}"),
            "invite": ("POST", f"/events/{chat.event_id}/participants"),
            "remove": ("DELETE", f"/events/{chat.event_id}/participants/{chat.friend}"),
            "confirm": ("POST", f"/events/{chat.event_id}/confirm"),
            "cancel": ("POST", f"/events/{chat.event_id}/cancel"),
            "done": ("POST", f"/events/{chat.event_id}/done"),
            "history": ("GET", f"/events/{chat.event_id}/history"),
            "report": ("POST", f"/events/{chat.event_id}/audit-reports"),
            "show_report": ("GET", f"/audit-reports/{2**62}"),
            "pdf": ("GET", f"/audit-reports/{2**62}/pdf"),
            "cancel_report": ("DELETE", f"/audit-reports/{2**62}"),
            "upcoming": ("GET", f"/users/{chat.author}/events/upcoming"),
            "pay": ("POST", "/payments"),
            "payment": ("GET", f"/payments/{self.payment_id}"),
            "confirm_payment": ("POST", f"/payments/{self.payment_id}/confirm"),
            "refund": ("POST", f"/payments/{self.payment_id}/refund"),
        }
        return addresses[name]

    def body(self, name: str) -> dict[str, Any]:
        actor = {"actor_id": self.chat.author}
        bodies: dict[str, dict[str, Any]] = {
            "send": {**actor, "message": "a"},
            "edit": {**actor, "message": "a"},
            "react": {**actor, "emoji": "🎉"},
            "typing": actor,
            "read": {**actor, "up_to": str(self.message)},
            "bulk": {"messages": [{"event_id": self.chat.event_id, **actor, "message": "a"}]},
            "user": {"phone": new_phone()},
            "event": {**actor, "title": "a", **TIMES},
            "change": {**actor, "title": "a"},
            "invite": {**actor, "user_id": self.chat.stranger},
            "confirm": actor,
            "cancel": {**actor, "reason": "a"},
            "done": actor,
            "pay": self.chat.asks_for(),
            "confirm_payment": {"payment_key": "tviva20240213121757MvuS8"},
            "refund": {"actor_id": self.chat.friend, "amount": "1000", "reason": "a"},
            "report": actor,
        }
        return bodies[name]

    def query(self, name: str) -> dict[str, Any]:
        acting = name in {"delete", "take_back", "remove"}
        reading = name in {"page", "typists", "show", "history", "payment", "show_report", "pdf", "cancel_report"}
        return {"actor_id": self.chat.author} if acting else {"as_user": self.chat.author} if reading else {}

    def send(self, name: str, content: bytes, content_type: str | None = "application/json") -> httpx.Response:
        """The call, with this for its body."""
        headers = {} if content_type is None else {"content-type": content_type}
        method, path = self.address(name)
        return self.chat.app.http.request(method, f"/v1{path}", content=content, headers=headers)

    def ask(self, name: str, query: str) -> httpx.Response:
        """The call, with this for its query, as it is."""
        method, path = self.address(name)
        return self.chat.app.http.request(method, f"/v1{path}?{query}")
