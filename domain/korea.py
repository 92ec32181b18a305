"""Korea's time: one zone, and no summer time."""

from datetime import timedelta, timezone
from typing import Final

KOREA: Final = timezone(timedelta(hours=9), "KST")
