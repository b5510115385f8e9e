"""Seasons and date ranges: local time in, UTC out."""

from onlive_provider.seasons.season import Season as Season
