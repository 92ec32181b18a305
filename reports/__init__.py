"""The audit PDF from values to bytes, and the verifier that does not trust us; asks no store."""
