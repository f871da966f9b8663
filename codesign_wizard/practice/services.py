"""The services of the practice network: a new one is a folder of its own and a line here."""

from __future__ import annotations

from codesign_wizard.practice.appstoreconnect import routes as appstoreconnect
from codesign_wizard.practice.comet import routes as comet
from codesign_wizard.practice.entra import routes as entra
from codesign_wizard.practice.graph import routes as graph
from codesign_wizard.practice.keyvault import routes as keyvault
from codesign_wizard.practice.management import routes as management
from codesign_wizard.practice.pki import routes as pki
from codesign_wizard.practice.s3 import routes as s3
from codesign_wizard.practice.tickets import routes as tickets
from codesign_wizard.practice.timestamp import routes as timestamp
from codesign_wizard.practice.wire.messages import Service
from codesign_wizard.practice.world import World

_SERVICES = (
    entra.service,
    keyvault.service,
    management.service,
    graph.service,
    pki.service,
    timestamp.service,
    comet.service,
    appstoreconnect.service,
    s3.service,
    tickets.service,
)


def all_services(world: World) -> list[Service]:
    """Return every service, bound to *world*."""
    return [service(world) for service in _SERVICES]
