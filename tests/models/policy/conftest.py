"""Settings of the property tests: no deadline on shared machines, nothing kept on disk, the same examples every time."""

from hypothesis import settings

settings.register_profile("policy", deadline=None, database=None, derandomize=True)
settings.load_profile("policy")
