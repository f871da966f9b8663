"""A body that is taken as it comes: one that drips ends by the time-out between two good pieces."""

from __future__ import annotations

import socket
import threading

import pytest

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.network_download import download


def test_a_body_that_drips_for_ever_ends_by_the_time_out() -> None:
    ended = threading.Event()

    def serve(server: socket.socket) -> None:
        with server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while not ended.wait(0.05):
                    connection.sendall(b"1\r\nM\r\n")
            except OSError:
                return  # who asked has gone, as it must

    taken = bytearray()
    network = Network(NetworkSettings(use_environment=False))
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        try:
            with pytest.raises(CodesignError) as raised:
                download(Job(), network, url, data={}, take=taken.extend, first=30, stall=0.4)
        finally:
            ended.set()
            thread.join(30)
    assert raised.value.finding.id == "network.timeout"
    assert taken  # it was not that nothing came
