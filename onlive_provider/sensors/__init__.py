"""The sensors: tasks that wait for a record, and write nothing."""
