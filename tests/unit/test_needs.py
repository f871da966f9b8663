"""When the certificate ends, by whichever step saw it last."""

from __future__ import annotations

from datetime import timedelta

from codesign_wizard.core.flow import CERTIFICATE, CERTIFICATE_EXPIRES, KEY_VAULT, Flow
from codesign_wizard.core.needs import next_expiry
from codesign_wizard.core.profile import new_profile


def test_the_later_look_at_the_certificate_tells_when_it_ends() -> None:
    flow = Flow(new_profile("Mine"))
    assert next_expiry(flow.profile) is None
    signed_in = flow.record(KEY_VAULT, [], {CERTIFICATE_EXPIRES: "2027-01-27T00:00:00Z"})
    first = next_expiry(flow.profile)
    assert first is not None
    assert first.time.year == 2027
    # renewed since
    flow.record(CERTIFICATE, [], {CERTIFICATE_EXPIRES: "2028-01-27T00:00:00Z"})
    flow.profile.results[CERTIFICATE].obtained = signed_in.obtained + timedelta(days=1)
    renewed = next_expiry(flow.profile)
    assert renewed is not None
    assert renewed.time.year == 2028
    # a look that found none says nothing of an end
    flow.record(CERTIFICATE, [], {})
    assert next_expiry(flow.profile) == first


def test_what_has_ended_is_told_in_a_sentence_of_its_own() -> None:
    profile = new_profile("Mine")
    profile.ends.apple_membership = "2024-10-27"
    profile.macos_wanted = True
    membership = next_expiry(profile)
    assert membership is not None
    assert membership.ended == "The Apple membership expired on 2024-10-27."
    Flow(profile).record(CERTIFICATE, [], {CERTIFICATE_EXPIRES: "2023-01-27T00:00:00Z"})
    certificate = next_expiry(profile)
    assert certificate is not None
    assert certificate.ended == "The certificate expired on 2023-01-27."
