"""The one definition of guests' data: what is hidden, masked, and safe to show."""
