"""The practice cloud: an embedded stand-in for the vendors' services, for learning and for tests.

It is a network and nothing else: a forward proxy on loopback that leads the vendors' real host names to
services inside this process, and the certification authority that vouches for them. ``cloud.PracticeCloud``
starts and stops it; ``scenarios`` lists what can be wrong in it.

Each vendor service is a folder: state and rules (``models``), the wire (``routes``), the vendor's own words
(``errors``). It registers itself in ``services``.
"""
