"""What this provider adds to Airflow's API server."""
