"""The policy layer: scores and state in, decision out; plain Python, pure functions.

Read in this order: ``engine`` (how a decision is taken), ``state`` (what is remembered), ``rules`` and ``schema`` (what a
policy says), then ``triggers`` (one module per family). ``handoff``, ``desk``, ``sla`` and ``templates`` say what follows an
escalation, ``compat`` reads and writes the policies of other products. ``presets`` holds the policies that Baton ships,
``locales`` the phrase lists.
"""
