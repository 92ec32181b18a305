"""Every error that timingle raises on purpose.

TimingleError
├── SettingsError            a variable is missing, unknown or wrong
├── BadInput                 what was sent cannot be taken; names the field (422)
├── Refused                  understood, and the answer is no
│   ├── NotAuthenticated     no key, or a key that is none (401)
│   ├── NotAllowed           not this caller, not this actor (403)
│   ├── PlanNeeded           the user's plan does not include it (402)
│   ├── NotThere             no such thing (404)
│   ├── NoLongerThere        there was one, and it is gone for good (410)
│   ├── Conflict             the state forbids it (409)
│   └── OverRate             too many at once (429)
├── Away                     a store did not answer; try again, nothing is lost (503)
│   ├── JournalFull          the journal takes no more until it has drained (503)
│   └── OutcomeUnknown       it may or may not have been done; ask again with the same client_id (503)
├── EventIsDue               an event's time is over, and it is not DONE yet; let it be, then try again
├── Wrong                    a store understood and refuses these very values; trying again will not help
└── MigrationError           the schema cannot be moved; says at which statement

No message carries a text, a phone number or a token of a user (P11): a cause is a class and a code.
"""

import inspect


class TimingleError(Exception):
    """timingle could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(self.__doc__ or ""))


class SettingsError(TimingleError):
    """A setting is missing or wrong."""


class BadInput(TimingleError):
    """What was sent cannot be taken."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Refused(TimingleError):
    """The answer is no."""


class NotAuthenticated(Refused):
    """Send the key of a calling app as `Authorization: Bearer KEY`; `timingle clients create` makes one."""


class NotAllowed(Refused):
    """This is not yours to do."""


class PlanNeeded(Refused):
    """The user's plan does not include this."""


class NotThere(Refused):
    """There is no such thing."""

    def __init__(self, message: str | None = None, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NoLongerThere(Refused):
    """It is gone, for good."""


class Conflict(Refused):
    """The state forbids it."""


class OverRate(Refused):
    """Too many requests for this client; wait as long as Retry-After says."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class Away(TimingleError):
    """A store did not answer. Nothing is lost; try again."""

    def __init__(self, store: str, code: str, retry_after_s: float = 1.0) -> None:
        super().__init__(f"{store} did not answer ({code}); try again.")
        self.store, self.code, self.retry_after_s = store, code, retry_after_s


class JournalFull(Away):
    """The journal takes no more until it has drained."""


class OutcomeUnknown(Away):
    """The request may or may not have been taken. Sent again with the same client_id it counts once."""


class EventIsDue(TimingleError):
    """The event's time is over and nobody has said so yet: let it be DONE, then ask again."""


class Wrong(TimingleError):
    """The store refuses these values, and will again."""

    def __init__(self, store: str, code: str) -> None:
        super().__init__(f"{store} refuses this ({code}).")
        self.store, self.code = store, code


class MigrationError(TimingleError):
    """The schema cannot be moved."""
