"""The rows of the table, a module each (a and b are measured in turn, and share one)."""
