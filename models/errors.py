"""The kernel's errors, one tree.

    BatonError
    ├── InputError            a message or request that can't be scored as it stands
    ├── BundleError           a bundle that can't be trusted or read
    │   ├── BundleNotFound
    │   └── BundleCorrupt
    ├── ScoringError          a model ran and failed
    └── PolicyError           a policy document that doesn't hold together

Every message says what was found, what was expected and what to do.
"""


class BatonError(Exception):
    """Base of every error that Baton raises on purpose."""


class InputError(BatonError):
    """The caller's message or request can't be scored as it stands; mend the request."""


class BundleError(BatonError):
    """A model bundle can't be used."""


class BundleNotFound(BundleError):
    """No bundle lies at the given place."""


class BundleCorrupt(BundleError):
    """The bundle's files don't match its manifest: hashes, shapes, label maps or format version."""


class ScoringError(BatonError):
    """A graph of the bundle failed while it ran; rules that need no model still work."""


class PolicyError(BatonError):
    """A policy document doesn't hold together; nothing of it was used."""
