"""What lint looks at; ``models.policy.lint`` puts it together.

Read in this order: ``findings`` (what is said), ``reach`` (rules that never decide), ``implication``, ``predicates`` and
``terms`` (how that is known for certain), then ``labels``, ``thresholds``, ``languages``, ``words`` and ``shape``, one kind of
finding each.
"""
