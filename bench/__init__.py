"""What we measure, and against whom: `python -m bench`. README.md tells how to read it."""
