"""From an Airflow Connection to a client."""
