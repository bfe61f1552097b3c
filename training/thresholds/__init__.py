"""For analysts: replay and threshold tuning, torch-free."""
