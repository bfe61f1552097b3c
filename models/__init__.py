"""The kernel: how a message becomes a decision. No torch, no web, no SQL, no network."""
