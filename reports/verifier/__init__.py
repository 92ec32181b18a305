"""Checks an audit PDF for somebody who does not trust us: needs no store, no network and no other part of timingle.

docs/verifying.md describes the steps, by the same numbers. `timingle audit verifier` writes these modules into one
file, which runs with Python's standard library and the package `cryptography`.
"""

from reports.verifier.steps import verify
from reports.verifier.verdict import Finding, Kind, Outcome, Signer, Step, Verdict

__all__ = ["Finding", "Kind", "Outcome", "Signer", "Step", "Verdict", "verify"]
