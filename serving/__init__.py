"""Acts on decisions: the inference API, its store and its command."""
