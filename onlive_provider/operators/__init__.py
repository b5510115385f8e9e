"""Operators that plan, write only what changes, and report."""
