"""The air between three hosts: each is a network namespace with a TUN device, and this carries the packets.

The kernels that tests run on have no netem. Here every packet passes through a thread of ours, which may lose it, hold
it back, or find the way cut. Root is needed, and /dev/net/tun.
"""

import ctypes
import fcntl
import heapq
import os
import random
import selectors
import struct
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

TUN = Path("/dev/net/tun")
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
MTU = 1400
NETWORK = f"10.77.{os.getpid() % 256}"  # one for each run, for the server's side of all is on this host
SERVER = f"{NETWORK}.1"


@dataclass
class Host:
    """`namespace` is None for the host that the tests run on. `cut_until` is on the clock of `monotonic`."""

    namespace: str | None
    address: str
    tun: int
    cut_until: float = 0.0
    loss: float = 0.0
    delay: float = 0.0


def possible() -> str:
    """Why it cannot be done here, or nothing."""
    if os.geteuid() != 0:
        return "Network namespaces need root."
    if not TUN.exists():
        return "There is no /dev/net/tun."
    if subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode:
        return "`ip netns` does not work here."
    return ""


class Air:
    """`Air(["ana", "ben"])`: the server's host and one for each name. Whatever happens is set on `hosts`."""

    def __init__(self, names: list[str]) -> None:
        self._tag = f"earshot{os.getpid() % 10000}"
        self.hosts = {"server": self._host(None, SERVER)}
        for number, name in enumerate(names, 2):
            self.hosts[name] = self._host(f"{self._tag}-{name}", f"{NETWORK}.{number}")
        self._stopped = threading.Event()
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()

    def close(self) -> None:
        self._stopped.set()
        self._carrier.join()
        for host in self.hosts.values():
            os.close(host.tun)
            if host.namespace:
                subprocess.run(["ip", "netns", "del", host.namespace], check=True)

    def cut(self, name: str, seconds: float) -> float:
        """Nothing passes for so long, whatever the test does meanwhile. Returns when that ends, by `monotonic`."""
        self.hosts[name].cut_until = monotonic() + seconds
        return self.hosts[name].cut_until

    def clear(self) -> None:
        """All is well again, whatever a test has left."""
        for name, host in self.hosts.items():
            host.cut_until, host.loss, host.delay = 0.0, 0.0, 0.0
            if host.namespace:
                self.plug(name)

    def move(self, name: str, address: str) -> None:
        """Another address, as after a change from one network to the next. The old one is gone."""
        host = self.hosts[name]
        _ip(host.namespace, "addr", "flush", "dev", self._device, "scope", "global")
        host.address = address
        self._address(host.namespace, address)

    def unplug(self, name: str) -> None:
        """The cable is out: unlike in a cut, the host knows."""
        _ip(self.hosts[name].namespace, "link", "set", self._device, "down")

    def plug(self, name: str) -> None:
        host = self.hosts[name]
        _ip(host.namespace, "link", "set", self._device, "up")
        self._route(host.namespace)

    def run_in(self, name: str, program: str) -> str:
        """The text of a script that runs `program` on this host."""
        return f'#!/bin/sh\nexec ip netns exec {self.hosts[name].namespace} {program} "$@"\n'

    @property
    def _device(self) -> str:
        return self._tag

    def _host(self, namespace: str | None, address: str) -> Host:
        if namespace:
            subprocess.run(["ip", "netns", "add", namespace], check=True)
            _ip(namespace, "link", "set", "lo", "up")
        tun = _in_namespace(namespace, lambda: _open_tun(self._device))
        _ip(namespace, "link", "set", self._device, "up", "mtu", str(MTU))
        self._address(namespace, address)
        return Host(namespace, address, tun)

    def _address(self, namespace: str | None, address: str) -> None:
        _ip(namespace, "addr", "add", f"{address}/24", "dev", self._device)
        self._route(namespace)

    def _route(self, namespace: str | None) -> None:
        if namespace:
            _ip(namespace, "route", "replace", "default", "dev", self._device)

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        with selectors.DefaultSelector() as selector:
            for host in self.hosts.values():
                os.set_blocking(host.tun, False)
                selector.register(host.tun, selectors.EVENT_READ, host)
            while not self._stopped.is_set():
                now = monotonic()
                pause = max(0.0, waiting[0][0] - now) if waiting else 0.05
                for key, _ in selector.select(min(pause, 0.05)):
                    for packet in _packets(key.data.tun):
                        to = self._way(key.data, packet)
                        if to is not None:
                            count += 1
                            due = monotonic() + key.data.delay + to.delay
                            heapq.heappush(waiting, (due, count, to.tun, packet))
                while waiting and waiting[0][0] <= monotonic():
                    *_, tun, packet = heapq.heappop(waiting)
                    try:
                        os.write(tun, packet)
                    except OSError:
                        continue  # its device is down or full: lost, as in any network

    def _way(self, sender: Host, packet: bytes) -> Host | None:
        if packet[0] >> 4 != 4:
            return None
        target = ".".join(map(str, packet[16:20]))
        to = next((host for host in self.hosts.values() if host.address == target), None)
        if to is None or monotonic() < max(sender.cut_until, to.cut_until):
            return None
        lost = random.random() < 1 - (1 - sender.loss) * (1 - to.loss)
        return None if lost else to


def _packets(tun: int) -> list[bytes]:
    packets = []
    while True:
        try:
            packets.append(os.read(tun, 65536))
        except (BlockingIOError, OSError):
            return packets


def _open_tun(name: str) -> int:
    tun = os.open(TUN, os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def _in_namespace(namespace: str | None, do: Callable[[], int]) -> int:
    """A thread of its own, for a namespace is entered by a thread."""
    if namespace is None:
        return do()
    results: list[Any] = []

    def enter_and_do() -> None:
        with Path(f"/run/netns/{namespace}").open() as door:
            if ctypes.CDLL(None, use_errno=True).setns(door.fileno(), CLONE_NEWNET):
                results.append(OSError(ctypes.get_errno(), "setns"))
                return
            results.append(do())

    thread = threading.Thread(target=enter_and_do)
    thread.start()
    thread.join()
    if isinstance(results[0], OSError):
        raise results[0]
    return int(results[0])


def _ip(namespace: str | None, *arguments: str) -> None:
    where = ["-n", namespace] if namespace else []
    subprocess.run(["ip", *where, *arguments], check=True)
