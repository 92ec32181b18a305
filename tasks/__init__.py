"""What the workers do, a module per family.

A task loads, applies a rule and stores; its arguments are ids or nothing.
"""
