"""The steps of the score, by what they are about. Each takes a run of facts of one type."""
