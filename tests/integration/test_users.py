"""stores.users: a phone number is stored encrypted and found by its blind index, unique among those not deleted."""

from typing import Any

import pytest

from domain.errors import Conflict
from domain.keyring import NotDecryptable
from domain.phone import blind_index
from stores import users
from stores.connections import AsyncStores
from stores.users import place_of_phone
from tests.integration.as_ingest import new_phone, new_user, new_users
from tests.integration.own import Own

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_user_is_kept_as_given(stores: AsyncStores, own_stores: Own) -> None:
    given: dict[str, Any] = {
        "name": "박민지",
        "display_name": "민지",
        "email": f"{new_phone()}@salon.example",
        "region": "서울",
        "interests": ("컷", "염색"),
        "role": "BUSINESS",
        "plan": "PRO",
        "profile_image_url": "https://salon.example/me.png",
    }
    phone = new_phone()
    user = await new_user(stores, phone, **given)
    assert {field: getattr(user, field) for field in given} == given
    assert user.phone == f"+82******{phone[-4:]}"
    columns = "email, name, display_name, profile_image_url, region, interests, role, plan, is_active, created_at"
    (row,) = own_stores.sql(f"SELECT {columns} FROM users WHERE id = %s", user.id)
    asked = {**given, "interests": list(given["interests"])}
    assert row == (*(asked[column] for column in columns.split(", ")[:8]), True, user.created_at)


async def test_a_phone_number_is_readable_with_the_key_and_in_its_own_row_only(
    stores: AsyncStores, own_stores: Own
) -> None:
    phone = new_phone()
    first, second = (await new_user(stores, phone)).id, (await new_user(stores)).id
    query = "SELECT phone_encrypted, phone_hash, to_jsonb(u)::text FROM users AS u WHERE id = %s"
    sealed, index, everything = own_stores.sql(query, first)[0]
    assert isinstance(sealed, bytes)
    assert stores.keys.decrypt(sealed, place_of_phone(first)) == phone.encode()
    with pytest.raises(NotDecryptable):
        stores.keys.decrypt(sealed, place_of_phone(second))
    assert index == blind_index(phone, stores.index_key)
    assert phone[3:] not in str(everything)
    assert phone.encode()[3:] not in sealed


@pytest.mark.parametrize("same", ["phone", "email"])
async def test_a_number_or_address_is_of_one_user_until_that_one_is_deleted(
    stores: AsyncStores, own_stores: Own, same: str
) -> None:
    phone, email = new_phone(), f"{new_phone()}@salon.example"
    first = await new_user(stores, phone, email=email)

    async def again() -> int:
        if same == "phone":
            return (await new_user(stores, phone)).id
        return (await new_user(stores, email=email)).id

    with pytest.raises(Conflict):
        await again()
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", first.id)
    assert await again() > first.id


async def test_users_without_an_address_do_not_conflict(stores: AsyncStores) -> None:
    assert len(set(await new_users(stores, 3))) == 3


async def test_when_a_user_registered_is_known_until_they_are_deleted(stores: AsyncStores, own_stores: Own) -> None:
    user = await new_user(stores)
    assert await users.created_at(stores.postgres, user.id) == user.created_at
    assert user.created_at.tzinfo is not None
    assert await users.created_at(stores.postgres, 2**63 - 1) is None
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", user.id)
    assert await users.created_at(stores.postgres, user.id) is None


async def test_who_is_inactive_deleted_or_unknown_is_not_active(stores: AsyncStores, own_stores: Own) -> None:
    well, idle, gone = await new_users(stores, 3)
    own_stores.sql("UPDATE users SET is_active = FALSE WHERE id = %s", idle)
    own_stores.sql("UPDATE users SET deleted_at = now() WHERE id = %s", gone)
    async with stores.postgres.connection() as connection:
        assert await users.active(connection, [well, idle, gone, well, 2**63 - 1]) == {well}
        assert await users.active(connection, []) == set()
