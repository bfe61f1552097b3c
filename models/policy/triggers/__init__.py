"""One module per trigger family; each is a pure function that ends in a TriggerReport."""
