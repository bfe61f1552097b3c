"""Settings: where they come from, what they refuse, that each explains itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import serving
from serving.settings import Settings, is_loopback


def test_defaults_listen_on_this_machine_only():
    """Out of the box the service listens on 127.0.0.1:8000."""
    settings = Settings()

    assert ("127.0.0.1", 8000) == (settings.host, settings.port)


def test_environment_variables_are_read_with_their_prefix(monkeypatch):
    """A setting comes from the BATON_ variable of its name."""
    monkeypatch.setenv("BATON_PORT", "8123")

    assert Settings().port == 8123


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.com", ""])
def test_other_addresses_are_refused(host):
    """A host that isn't this machine's own is refused, with the reason and what to do."""
    with pytest.raises(ValidationError, match=r"(?s)no API keys.*same machine"):
        Settings(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_own_addresses_are_accepted(host):
    """Every loopback address and localhost are this machine."""
    assert host == Settings(host=host).host


def test_unknown_settings_are_refused():
    """A misspelt setting is an error, not a silent default."""
    with pytest.raises(ValidationError, match="prot"):
        Settings(prot=9000)


def test_settings_are_frozen():
    """Settings can't change after they were read."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_explains_itself(name):
    """Each setting has a description that is a sentence."""
    description = Settings.model_fields[name].description or ""

    assert description.endswith(".")
    assert len(description) > 20


def test_only_literal_addresses_are_loopback():
    """A name is never taken for a loopback address."""
    assert not is_loopback("localhost.example.com")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_on_the_doorplate(name):
    """Each setting stands in the room's README under the name of its variable."""
    doorplate = Path(serving.__file__).with_name("README.md").read_text(encoding="utf-8")

    assert f"`BATON_{name.upper()}`" in doorplate
