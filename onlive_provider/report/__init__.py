"""The outcome of every record: as JSON Lines for programs, as a page for people."""
