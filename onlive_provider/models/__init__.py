"""What may be sent: pydantic models of the two updates."""
