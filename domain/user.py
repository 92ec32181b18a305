"""What may be asked of users: shapes and limits."""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
# In Python, $ also matches before a last newline, which is no part of an address: hence (?!\n).
Email = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$(?!\n)", max_length=255)]
PictureUrl = Annotated[str, msgspec.Meta(pattern=r"^https://[^\s/?#]+\S*$(?!\n)", max_length=2_048)]
Interest = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
Role = Literal["USER", "BUSINESS"]
Plan = Literal["FREE", "PRO"]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who registers."""

    phone: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    name: Name | None = None
    display_name: Name | None = None
    email: Email | None = None
    region: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    interests: Annotated[tuple[Interest, ...], msgspec.Meta(max_length=50)] = ()
    role: Role = "USER"
    plan: Plan = "FREE"
    profile_image_url: PictureUrl | None = None
