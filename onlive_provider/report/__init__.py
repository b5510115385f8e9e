"""What became of every record, for programs as JSON Lines and for people as a page."""
