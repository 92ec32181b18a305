"""How many messages of an event a user has not read (P4). Nothing is counted up; two registers are compared."""


def unread_count(last_seq: int, read_seq: int, joined_seq: int) -> int:
    """Messages not read yet, never below 0. Seqs start at 1, 0 is none. What was said before joining does not count."""
    return max(0, last_seq - max(read_seq, joined_seq))
