"""The Onlive API in plain Python: no Airflow in this folder."""
