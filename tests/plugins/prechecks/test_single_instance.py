"""All sessions on the source reach one and the same server."""

import itertools
import select
import socket
import threading
from dataclasses import replace

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.single_instance import SingleInstance


class TestSingleInstance(PrecheckContract):
    plugin = SingleInstance


@pytest.fixture
def balancer():
    """Give the port of a balancer that sends each session to the next of some addresses."""
    listeners = []

    def balance(*addresses):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, itertools.cycle(addresses)), daemon=True).start()
        return str(listener.getsockname()[1])

    yield balance
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def serve(listener, addresses):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(next(addresses))
        threading.Thread(target=relay, args=(client, server), daemon=True).start()


def relay(client, server):
    """Pass bytes both ways until one end is closed."""
    with client, server:
        while True:
            ready, _, _ = select.select([client, server], [], [])
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                (server if end is client else client).sendall(data)


def balanced(balancer, *routes):
    """Return the route through a balancer, by an account that every server knows."""
    for route in {route.description: route for route in routes}.values():
        with connect(route) as connection:
            connection.execute("drop role if exists balanced")
            connection.execute("create role balanced login password 'secret'")
    port = balancer(*((route.parameters["host"], int(route.parameters["port"])) for route in routes))
    there = {"host": "127.0.0.1", "port": port, "user": "balanced", "password": "secret"}
    return replace(routes[0], parameters={**routes[0].parameters, **there})


def test_one_server_passes(found, source_route, target_route):
    assert found(SingleInstance, source_route, target_route) == []


def test_one_server_behind_a_proxy_passes(found, balancer, source_route, target_route):
    assert found(SingleInstance, balanced(balancer, source_route), target_route) == []


def test_two_servers_behind_one_address_fail(found, balancer, source_route, target_route):
    route = balanced(balancer, source_route, target_route)
    (finding,) = found(SingleInstance, route, target_route)
    assert finding.message == "2 of 4 sessions could not take over a snapshot of the source"
    assert finding.observed == "2 servers behind one address"
    assert len({server["started"] for server in finding.evidence["servers"]}) == 2
