"""Confirmed events by the thousand, each with three who take part and a whole history, made in SQL as imports may."""

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg.rows import TupleRow

BATCH_EVENTS: Final = 5_000
"""Their history is chained in one statement."""
INSERT_USERS: Final = """
    INSERT INTO users (phone_encrypted, phone_hash, name)
    SELECT hash, hash, 'User' FROM (SELECT uuid_send(gen_random_uuid()) AS hash FROM generate_series(1, %s)) AS made
    RETURNING id"""
INSERT_EVENTS: Final = """
    INSERT INTO events (title, start_time, end_time, creator_id)
    SELECT n::TEXT, now() - interval '1 year', now() + (%(ends_s)s + %(apart_s)s * n) * interval '1 second',
        (%(people)s::BIGINT[])[1 + n * 3 %% cardinality(%(people)s::BIGINT[])]
    FROM generate_series(%(first)s::BIGINT, %(last)s::BIGINT) AS n"""
INSERT_PARTICIPANTS: Final = """
    INSERT INTO event_participants (event_id, user_id, confirmed)
    SELECT e.id, (%(people)s::BIGINT[])[1 + (e.title::BIGINT * 3 + k) %% cardinality(%(people)s::BIGINT[])], TRUE
    FROM events AS e CROSS JOIN generate_series(0, 2) AS k WHERE e.history_length = 0"""
CHAIN_EVENTS: Final = """
    WITH entries AS MATERIALIZED (
        SELECT h.* FROM chain_history(ARRAY(
            SELECT (e.id, 0, NULL, NULL, said.change_type, said.field_name, NULL, said.new_value,
                said.texts)::history_change
            FROM events AS e CROSS JOIN LATERAL (
                SELECT 0 AS place, 'CREATED' AS change_type, NULL AS field_name,
                    json_build_object('creator_id', e.creator_id, 'start_time', moment(e.start_time),
                        'end_time', moment(e.end_time), 'status', e.status, 'open_slot_id', NULL) AS new_value,
                    jsonb_build_object('title', e.title) AS texts
                UNION ALL
                SELECT 1, 'PARTICIPANT_ADDED', 'participants', json_build_object('user_id', p.user_id,
                    'confirmed', p.confirmed, 'joined_seq', p.joined_seq), NULL
                FROM event_participants AS p WHERE p.event_id = e.id
            ) AS said
            WHERE e.history_length = 0 ORDER BY e.id, said.place
        ), NULL, NULL) AS h
    ), stored AS (
        INSERT INTO event_history_outbox SELECT * FROM entries
    )
    UPDATE events AS e SET history_length = last.chain_seq, history_head = last.entry_hash, history_at = last.changed_at
    FROM (SELECT DISTINCT ON (event_id) * FROM entries ORDER BY event_id, chain_seq DESC) AS last
    WHERE e.id = last.event_id RETURNING e.id"""
CONFIRM_EVENTS: Final = """
    WITH entries AS MATERIALIZED (
        SELECT h.* FROM chain_history(ARRAY(
            SELECT (e.id, e.history_length, e.history_head, e.history_at, 'CONFIRMED', 'status', '"PROPOSED"',
                '"CONFIRMED"', NULL)::history_change
            FROM events AS e WHERE e.id = ANY(%s)
        ), NULL, NULL) AS h
    ), stored AS (
        INSERT INTO event_history_outbox SELECT * FROM entries
    )
    UPDATE events AS e SET status = 'CONFIRMED', history_length = n.chain_seq, history_head = n.entry_hash,
        history_at = n.changed_at
    FROM entries AS n WHERE e.id = n.event_id"""


def make_users(connection: psycopg.Connection[TupleRow], count: int) -> list[int]:
    """The ids of users whom nobody can call."""
    return [row[0] for row in connection.execute(INSERT_USERS, (count,))]


def make_confirmed(
    connection: psycopg.Connection[TupleRow], people: Sequence[int], count: int, ends_s: float, apart_s: float = 0.0
) -> list[int]:
    """The ids of `count` events, the n-th of which ends `ends_s + n * apart_s` seconds from now.

    As the tables' owner. Nothing of their histories is relayed.
    """
    made: list[int] = []
    for first in range(1, count + 1, BATCH_EVENTS):
        span = {"first": first, "last": min(count, first + BATCH_EVENTS - 1), "people": list(people)}
        with connection.transaction():
            connection.execute(INSERT_EVENTS, {**span, "ends_s": ends_s, "apart_s": apart_s})
            connection.execute(INSERT_PARTICIPANTS, span)
            batch = [row[0] for row in connection.execute(CHAIN_EVENTS)]
        connection.execute(CONFIRM_EVENTS, (batch,))  # later: one transaction tells one change of a field
        made += batch
    return sorted(made)
