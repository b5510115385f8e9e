"""The hook, and how arguments and errors pass between Airflow and the client."""
