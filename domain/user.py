"""What may be asked of users: shapes and limits."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from domain.texts import NOT_BLANK

Phone = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
"""As somebody writes it; `domain.phone` reads it."""
Name = Annotated[str, msgspec.Meta(pattern=NOT_BLANK, max_length=100)]
# In Python, $ also matches before a last newline, which is no part of an address: hence (?!\n).
Email = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$(?!\n)", max_length=255)]
PictureUrl = Annotated[str, msgspec.Meta(pattern=r"^https://[^\s/?#]+\S*$(?!\n)", max_length=2_048)]
Region = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
Interest = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
Interests = Annotated[tuple[Interest, ...], msgspec.Meta(max_length=50)]
Role = Literal["USER", "BUSINESS"]
Plan = Literal["FREE", "PRO"]


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody who registers."""

    phone: Phone
    name: Name | None = None
    display_name: Name | None = None
    email: Email | None = None
    region: Region | None = None
    interests: Interests = ()
    role: Role = "USER"
    plan: Plan = "FREE"
    profile_image_url: PictureUrl | None = None


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to change about a user: what is left out stays, null takes away."""

    phone: Phone | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    display_name: Name | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    region: Region | UnsetType | None = UNSET
    interests: Interests | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    plan: Plan | UnsetType = UNSET
    profile_image_url: PictureUrl | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET
    """Who is not active may read, but not write."""
