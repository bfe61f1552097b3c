"""The policy layer: scores and state in, decision out; plain Python, pure functions."""
