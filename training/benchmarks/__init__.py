"""Standard benchmarks: the trainer and the served int8 graphs measured on the tables that others publish on."""
