"""The rules, pure: no clock, no randomness, no store. Time and random bits come in as arguments."""
