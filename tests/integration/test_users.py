"""stores.users: a phone number is stored encrypted and found by its blind index, unique among those not deleted."""

import asyncio
import dataclasses
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from domain.errors import Conflict, NotThere
from domain.keyring import NotDecryptable
from domain.phone import blind_index, blind_indexes
from domain.user import NewUser, UserChange
from stores import users
from stores.connections import AsyncStores
from stores.users import User, place_of_phone
from tests.integration.as_ingest import new_phone, new_user, new_users
from tests.integration.own import Own, rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEWER = bytes(range(32))
"""An index key that is coming."""
PHONE = "SELECT phone_encrypted, phone_hash FROM users WHERE id = %s"
WHOLE = "SELECT phone_encrypted, phone_hash, to_jsonb(u) - 'updated_at' FROM users AS u WHERE id = %s"


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
    asked = {**given, "interests": list(given["interests"])}
    assert {field: getattr(user, field) for field in asked} == asked
    assert user.phone == f"+82******{phone[-4:]}"
    columns = "email, name, display_name, profile_image_url, region, interests, role, plan, is_active, created_at"
    (row,) = own_stores.sql(f"SELECT {columns} FROM users WHERE id = %s", user.id)
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
    assert index == blind_index(phone, stores.index_keys[0])
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


async def test_under_two_index_keys_a_number_is_of_one_user_under_whichever_it_was_hashed(
    stores: AsyncStores, own_stores: Own
) -> None:
    """While the key is rotated, uniqueness holds across both."""
    (old,) = stores.index_keys
    orders = [(old,), (NEWER, old), (old, NEWER)]
    for before, after in [*permutations(orders[1:]), (orders[0], orders[1]), (orders[0], orders[2])]:
        phone = new_phone()
        first = await register(stores, phone, before)
        with pytest.raises(Conflict):
            await register(stores, phone, after)
        assert [user.id for user in found(own_stores, phone, after)] == [first]


async def test_of_many_who_register_a_number_at_once_one_does_while_the_index_key_is_rotated(
    stores: AsyncStores,
) -> None:
    """Half of the processes hash under the newer key already, half not yet."""
    (old,) = stores.index_keys
    for _ in range(5):
        phone = new_phone()
        orders = [(NEWER, old), (old, NEWER)] * 4
        ends = await asyncio.gather(*(register(stores, phone, keys) for keys in orders), return_exceptions=True)
        assert [type(end) for end in ends if not isinstance(end, int)] == [Conflict] * 7


async def register(stores: AsyncStores, phone: str, index_keys: Sequence[bytes]) -> int:
    async with stores.postgres.connection() as connection:
        return (await users.create(connection, stores.keys, index_keys, NewUser(phone=""), phone)).id


def found(own: Own, phone: str, index_keys: Sequence[bytes]) -> list[User]:
    """As `timingle users find` does it."""
    return users.find(own.stores.postgres, own.stores.keys, index_keys, phone)


async def test_a_number_is_looked_up_by_its_index(stores: AsyncStores, own_stores: Own) -> None:
    with own_stores.stores.postgres.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            """INSERT INTO users (phone_encrypted, phone_hash)
            SELECT '', sha256(n::text::bytea) FROM generate_series(1, 20000) AS n"""
        )
        connection.execute("ANALYZE users")
        hashes = blind_indexes(new_phone(), [NEWER, *stores.index_keys])
        plan = "".join(row[0] for row in connection.execute("EXPLAIN " + users.SELECT_BY_NUMBER, (hashes,)))
    assert "idx_users_phone" in plan
    assert "Seq Scan" not in plan


async def test_an_operator_finds_who_has_a_number_and_sees_it_masked(stores: AsyncStores, own_stores: Own) -> None:
    phone = new_phone()
    user = await new_user(stores, phone, display_name="민지", role="BUSINESS")
    for written in (phone, f"0{phone[3:]}", f"0{phone[3:5]}-{phone[5:9]}-{phone[9:]}"):
        printed = own_stores.output_of("users", "find", "--phone", written)
        assert rows_of(printed)[0][:5] == [str(user.id), user.phone, "-", "민지", "BUSINESS"]
        assert phone[3:] not in printed
    await users.delete(stores.postgres, user.id)
    assert own_stores.failure_of("users", "find", "--phone", phone) == (1, "timingle: Nobody has this number now.")
    assert own_stores.failure_of("users", "find", "--phone", "canary") == (2, "timingle: This is no phone number.")


async def test_a_change_changes_what_it_names_and_nothing_else(stores: AsyncStores, own_stores: Own) -> None:
    user = await new_user(stores, name="박민지", interests=("컷",), region="서울", email=f"{new_phone()}@salon.example")
    kept = own_stores.sql(WHOLE, user.id)
    assert await change(stores, user.id) == user
    assert own_stores.sql(WHOLE, user.id) == kept
    fresh = await change(stores, user.id, name=None, interests=("염색", "펌"), role="BUSINESS", is_active=False)
    assert (
        fresh
        == dataclasses.replace(user, name=None, interests=["염색", "펌"], role="BUSINESS", is_active=False)
        == await users.get(stores.postgres, stores.keys, user.id)
    )
    assert own_stores.sql(PHONE, user.id) == [kept[0][:2]]


async def test_with_a_new_number_a_user_is_found_by_it_and_the_old_one_is_free(
    stores: AsyncStores, own_stores: Own
) -> None:
    old, new = new_phone(), new_phone()
    user = await new_user(stores, old)
    fresh = await change(stores, user.id, phone=new)
    assert fresh == dataclasses.replace(user, phone=f"+82******{new[-4:]}")
    assert found(own_stores, new, stores.index_keys) == [fresh]
    assert found(own_stores, old, stores.index_keys) == []
    assert (await new_user(stores, old)).id > user.id
    assert (await change(stores, user.id, phone=new)) == fresh
    ((sealed,),) = own_stores.sql("SELECT phone_encrypted FROM users WHERE id = %s", user.id)
    assert isinstance(sealed, bytes)
    assert stores.keys.decrypt(sealed, place_of_phone(user.id)) == new.encode()


@pytest.mark.parametrize("keys", ["one", "two"])
async def test_a_number_or_address_of_another_is_a_conflict_and_nothing_changes(
    stores: AsyncStores, own_stores: Own, keys: str
) -> None:
    index_keys = stores.index_keys if keys == "one" else (NEWER, *stores.index_keys)
    phone, email = new_phone(), f"{new_phone()}@salon.example"
    await new_user(stores, phone, email=email)
    user = await new_user(stores)
    before = own_stores.sql(WHOLE, user.id)
    for e164, asked in ((phone, UserChange(name="a")), (None, UserChange(name="a", email=email))):
        with pytest.raises(Conflict):
            await users.change(stores.postgres, stores.keys, index_keys, user.id, asked, e164)
    assert own_stores.sql(WHOLE, user.id) == before


async def test_who_is_deleted_is_not_there_and_keeps_their_row(stores: AsyncStores, own_stores: Own) -> None:
    phone = new_phone()
    user, other = await new_user(stores, phone), await new_user(stores)
    await users.delete(stores.postgres, user.id)
    for user_id in (user.id, 2**63 - 1):
        with pytest.raises(NotThere):
            await users.delete(stores.postgres, user_id)
        with pytest.raises(NotThere):
            await users.get(stores.postgres, stores.keys, user_id)
        with pytest.raises(NotThere):
            await change(stores, user_id, name="a")
    assert found(own_stores, phone, stores.index_keys) == []
    assert await users.gone(stores.postgres, [user.id, other.id, 2**63 - 1]) == {user.id}
    assert own_stores.sql("SELECT deleted_at <= now() FROM users WHERE id = %s", user.id) == [(True,)]


async def change(stores: AsyncStores, user_id: int, phone: str | None = None, **asked: Any) -> User:
    given = UserChange(**asked)
    return await users.change(stores.postgres, stores.keys, stores.index_keys, user_id, given, phone)


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
