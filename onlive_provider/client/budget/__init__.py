"""How many calls a minute an access key may make, and where that is counted."""
