"""The triggers: what waits in Airflow's triggerer. They read, and never write."""
