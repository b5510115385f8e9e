"""Airflow provider for the Onlive.site booking API."""

__version__ = "0.1.0"
