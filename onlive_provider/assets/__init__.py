"""Records of the Onlive API as Airflow assets."""
