"""What each encrypted value of payments is bound to: what is known of its row before the row is there."""

from uuid import UUID


def place_of_metadata(payment_id: int) -> str:
    """What a payment's details are bound to."""
    return f"payments:{payment_id}:metadata"


def place_of_payload(provider: str, body_hash: bytes) -> str:
    """What a webhook's body is bound to: its own SHA-256, so that one statement stores it."""
    return f"payment_webhooks:{provider}:{body_hash.hex()}"


def place_of_reason(key: UUID) -> str:
    """What the reason of a refund is bound to."""
    return f"payment_refunds:{key}:reason"
