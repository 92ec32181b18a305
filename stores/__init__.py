"""The only code that speaks SQL, CQL or Redis; one module per aggregate."""
