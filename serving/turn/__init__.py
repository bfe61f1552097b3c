"""What happens to a message between the request and the answer; start with ``handle``."""
