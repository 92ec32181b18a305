"""Toss Payments and Stripe as real HTTP servers that keep state, sign, deliver late, twice and out of order, and fail.

`python -m tests.fakes` runs both at one address, `make up` and `make demo` too. `tests.fakes.control` steers them.
"""
