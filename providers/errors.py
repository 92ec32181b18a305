"""What a provider's answer, or the lack of one, means for whoever asked; and what is wrong with a webhook.

TimingleError
├── Away
│   └── ProviderAway       no answer of its own: the outcome is unknown, try again
├── ProviderRefused        it understood, and the answer is no: asking again will not help
├── ProviderUnknown        it knows no such payment (yet)
├── WebhookForged          not signed by the provider, or long ago
└── WebhookMalformed       not of its shape

Codes are a provider's own words for a cause, or a class's name; never a text that quotes what was sent (P11).
"""

from domain.errors import Away, TimingleError


class ProviderAway(Away):
    """The provider did not answer. What was asked may or may not have been done."""

    def __init__(self, provider: str, code: str, retry_after_s: float = 1.0, *, may_help_at_once: bool = False) -> None:
        super().__init__(provider, code, retry_after_s)
        self.may_help_at_once = may_help_at_once
        """To ask once more."""


class ProviderRefused(TimingleError):
    """The provider refuses this."""

    def __init__(self, provider: str, code: str) -> None:
        super().__init__(f"{provider} refuses this ({code}).")
        self.provider, self.code = provider, code


class ProviderUnknown(TimingleError):
    """The provider knows no such payment."""

    def __init__(self, provider: str, code: str) -> None:
        super().__init__(f"{provider} knows no such payment ({code}).")
        self.provider, self.code = provider, code


class WebhookForged(TimingleError):
    """This webhook is not the provider's, or is too old to be taken for it."""


class WebhookMalformed(TimingleError):
    """This is no webhook of this provider."""
