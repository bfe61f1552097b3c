"""The policy layer: scores and state in, decision out; plain Python, pure functions.

Read in this order: ``engine`` (how a decision is taken), ``state`` (what is remembered), ``rules`` and ``schema`` (what a
policy says), then ``triggers`` (one module per family). ``presets`` holds the default policy, ``locales`` the phrase lists.
"""
