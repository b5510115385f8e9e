"""A local Onlive API for demos and tests."""
