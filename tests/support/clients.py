"""Other people's HTTP clients, led to a practice cloud by its proxy and its CA alone."""

from __future__ import annotations

import requests

from codesign_wizard.practice.cloud import PracticeCloud


def session_at(cloud: PracticeCloud) -> requests.Session:
    """Return a plain session that reaches *cloud* and knows nothing of this machine's settings."""
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.proxy_url, "https": cloud.proxy_url}
    session.verify = str(cloud.ca_file)
    return session
