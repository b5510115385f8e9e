"""An Airflow Connection of type ``onlive``: its fields, its form, its settings, its test."""
