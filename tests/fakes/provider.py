"""What both fakes do with a call: whose it is, what befalls it, what it was answered before, what a reader sees."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import ClassVar, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from tests.fakes.deliveries import Outbox
from tests.fakes.wire import Failures, Json, Keys, Refusal, respond


@dataclass(slots=True, kw_only=True)
class Lagging(ABC):
    """A payment, and what of it a reader sees while its provider lags behind itself."""

    stale: Json = field(default_factory=dict)
    stale_reads: int = 0

    @abstractmethod
    def shown(self) -> Json:
        """As the API shows it."""


Payment = TypeVar("Payment", bound=Lagging)


class Provider(ABC, Generic[Payment]):
    """The server's state."""

    WRONG_KEY: ClassVar[str]
    NO_PAYMENT: ClassVar[str]

    def __init__(self, authorization: str, outbox: Outbox) -> None:
        self.authorization, self.outbox = authorization, outbox
        self.failures, self.keys = Failures(), Keys()
        self.payments: dict[str, Payment] = {}
        """By its id, in the order in which they were made."""

    @abstractmethod
    def worded(self, code: str) -> Json:
        """An error as the provider words it."""

    @abstractmethod
    async def post(self, request: Request) -> object:
        """Raises Refusal."""

    @abstractmethod
    def get(self, request: Request) -> object:
        """Raises Refusal."""

    async def answer(self, request: Request) -> Response:
        """Any call of the API."""
        try:
            self.check(request)
        except Refusal as refusal:
            return self.refuse(refusal)
        return await self.failures.befall(request, lambda: self._answer(request), self.worded)

    def check(self, request: Request) -> None:
        """Raises Refusal if this is no client of ours."""
        if request.headers.get("authorization") != self.authorization:
            raise Refusal(HTTPStatus.UNAUTHORIZED, self.WRONG_KEY)

    def refuse(self, refusal: Refusal) -> Response:
        """The provider's own no."""
        return respond(self.worded(refusal.code), refusal.status)

    def read(self, payment: Payment | None) -> Json:
        """What a reader sees: for some reads what was, if the provider was told to lag."""
        if payment is None:
            raise Refusal(HTTPStatus.NOT_FOUND, self.NO_PAYMENT)
        if payment.stale_reads:
            payment.stale_reads -= 1
            return payment.stale
        return payment.shown()

    async def _answer(self, request: Request) -> Response:
        try:
            if request.method == "POST":
                return await self.keys.once(request, lambda: self._posted(request))
            return respond(self.get(request))
        except Refusal as refusal:
            return self.refuse(refusal)

    async def _posted(self, request: Request) -> Response:
        """A no is an answer too, which is remembered with its key."""
        try:
            return respond(await self.post(request))
        except Refusal as refusal:
            return self.refuse(refusal)
