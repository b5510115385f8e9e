"""An Airflow Connection of type ``onlive``: its fields, its form, its settings, and what is wrong with them."""
