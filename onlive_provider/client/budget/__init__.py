"""How many calls a minute an access key may make, and where that is counted: a process, a machine, or Redis."""
