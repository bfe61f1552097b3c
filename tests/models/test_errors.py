"""The kernel's errors: one tree, each explained."""

import inspect

import pytest

from models import errors

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)]


def drawn():
    """The tree in the module's docstring, as pairs of depth and name."""
    lines = [line for line in errors.__doc__.splitlines() if "Error" in line or "Bundle" in line]
    return [(len(line) - len(line.lstrip(" │├└─")), line.lstrip(" │├└─").split()[0]) for line in lines]


def test_there_is_one_tree():
    """Whatever Baton raises on purpose can be caught as BatonError."""
    assert [kind.__name__ for kind in CLASSES if not issubclass(kind, errors.BatonError)] == []


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_explains_itself(kind):
    """Each class has a docstring of its own."""
    assert kind.__doc__ != (kind.__base__.__doc__ or "")


def test_the_drawing_is_true():
    """The tree in the docstring holds exactly the classes, each below its parent."""
    parents, found = [], {}
    for depth, name in drawn():
        parents = [entry for entry in parents if entry[0] < depth]
        found[name] = parents[-1][1] if parents else "Exception"
        parents.append((depth, name))
    assert found == {kind.__name__: kind.__base__.__name__ for kind in CLASSES}


def test_no_error_is_one_of_python():
    """A broad `except ValueError` somewhere can't swallow ours."""
    assert [kind.__name__ for kind in CLASSES if issubclass(kind, ValueError | OSError | LookupError)] == []
