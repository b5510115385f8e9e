"""What is known of records: their fields, what an update may send, and how two records differ."""
