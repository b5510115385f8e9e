"""A season for many services: planned first, applied in batches, checked, and put back when it goes wrong."""
