"""Many safe updates in one task: paced by the key's budget, reported one by one, resumed after a crash."""
