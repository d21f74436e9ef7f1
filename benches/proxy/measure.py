"""What is measured of a proxy: its CPU time, its system calls, its memory."""
import contextlib
import dataclasses
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import loads
from peers import NotServed, Proxy

# Connections that memory is measured with.
MANY = 1000
# Requests that instructions are counted for, beyond those of the start, and at once.
COUNTED, AT_ONCE = 2000, 16
# System calls for a connection, not for a request on it.
FOR_CONNECTIONS = {"accept4", "bind", "close", "connect", "epoll_ctl", "fcntl", "getpeername", "getsockname",
                   "getsockopt", "setsockopt", "shutdown", "socket"}
SMALL_REQUEST = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.contextmanager
def running(setup, kinds, workers, speaks, skipped, within=()):
    """Proxies of these kinds, as long as they are needed; those that do not serve it are told."""
    proxies = []
    try:
        for kind in kinds:
            try:
                proxies.append(Proxy(kind, setup, workers, speaks, within))
            except NotServed as error:
                skipped.append(f"{kind.name}, {speaks}: {error}")
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


def rounds(setup, kinds, name, load, arguments, skipped):
    """A row for each proxy and round."""
    rows = []
    with running(setup, kinds, load.workers, load.speaks, skipped) as proxies:
        for proxy in [] if arguments.quick else proxies:
            loads.send(load, proxy.port, 1)
        for number in range(arguments.rounds):
            for proxy in proxies if number % 2 == 0 else proxies[::-1]:
                busy = os.getloadavg()[0]
                before = proxy.cpu()
                outcome = loads.send(load, proxy.port, arguments.seconds)
                cpu, user = (now - then for now, then in zip(proxy.cpu(), before))
                done = max(outcome.requests, 1)
                rows.append({"load": name, "proxy": proxy.name, "round": number, "load_average": busy,
                             "cpu": cpu / done * 1e6, "user": min(user / max(cpu, 1e-9), 1)}
                            | dataclasses.asdict(outcome))
    return rows


def calls(setup, kinds, name, load, arguments, skipped):
    """System calls for a request, by strace, which slows a proxy down: it has as much to do as it can."""
    if not shutil.which("strace"):
        skipped.append("system calls: strace is not installed (Debian package strace)")
        return []
    rows = []
    for kind in kinds:
        with running(setup, [kind], load.workers, load.speaks, skipped) as proxies:
            for proxy in proxies:
                loads.send(load, proxy.port, 1)
                table = os.path.join(setup.folder, "strace")
                command = ["strace", "-f", "-c", "-qq", "-o", table]
                command += [part for pid in proxy.pids() for part in ("-p", str(pid))]
                tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
                time.sleep(0.5)
                if tracer.poll() is not None:
                    skipped.append(f"system calls of {kind.name}, {name}: {tracer.stderr.read().strip()}")
                    continue
                outcome = loads.send(load, proxy.port, arguments.seconds)
                tracer.send_signal(signal.SIGINT)
                tracer.wait()
                counted = {}
                for line in open(table):
                    found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
                    if found and found.group(2) != "total":
                        counted[found.group(2)] = int(found.group(1)) / max(outcome.requests, 1)
                most = dict(sorted(counted.items(), key=lambda each: -each[1])[:6])
                steady = sum(each for call, each in counted.items() if call not in FOR_CONNECTIONS)
                rows.append({"load": name, "proxy": proxy.name, "per_request": sum(counted.values()),
                             "steady": steady, "requests": outcome.requests, "most": most, "errors": outcome.errors})
    return rows


def instructions(setup, kinds, skipped):
    """Instructions in user mode for a small request of HTTP/1.1, by callgrind: what a longer run has more."""
    if not shutil.which("valgrind"):
        skipped.append("instructions: valgrind is not installed (Debian package valgrind)")
        return []
    rows = []
    for kind in (kind for kind in kinds if kind.runs_in_valgrind):
        totals = []
        for requests in (COUNTED // 4, COUNTED // 4 + COUNTED):
            out = os.path.join(setup.folder, f"callgrind.{kind.name}.{requests}")
            command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={out}.%p"]
            with running(setup, [kind], 1, "h1", skipped, command) as proxies:
                for proxy in proxies:
                    clients = [socket.create_connection(("127.0.0.1", proxy.port), 60) for _ in range(AT_ONCE)]
                    for _ in range(requests // AT_ONCE):
                        for client in clients:
                            client.sendall(SMALL_REQUEST)
                        for client in clients:
                            read_small(client)
            files = [name for name in os.listdir(setup.folder) if name.startswith(os.path.basename(out) + ".")]
            text = [open(os.path.join(setup.folder, name)).read() for name in files]
            totals.append(sum(int(each) for each in re.findall(r"^totals: (\d+)", "\n".join(text), re.M)))
        if totals[0]:
            per_request = (totals[1] - totals[0]) / (COUNTED // AT_ONCE * AT_ONCE)
            rows.append({"proxy": kind.name, "per_request": per_request})
    return rows


def memory(setup, kinds, skipped):
    """Octets of a proxy that has nothing to do, and of a connection that waits, or is busy, beside."""
    rows = []
    for speaks in ("h1", "tls"):
        for kind in kinds:
            with running(setup, [kind], 1, speaks, skipped) as proxies:
                for proxy in proxies:
                    idle = proxy.resident()
                    clients = [ask(proxy.port, speaks == "tls") for _ in range(MANY)]
                    time.sleep(0.5)
                    waiting = proxy.resident()
                    for client in clients:
                        client.close()
                    time.sleep(0.5)
                    load = loads.Load("", speaks, "wrk", MANY)
                    busy = most_of(proxy, load)
                    rows.append({"proxy": proxy.name, "speaks": speaks, "idle": idle,
                                 "waiting": (waiting - idle) / MANY, "busy": (busy - idle) / MANY})
    return rows


def ask(port, tls):
    """A connection on which one request was answered."""
    client = socket.create_connection(("127.0.0.1", port), 10)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = context.wrap_socket(client, server_hostname="localhost")
    client.sendall(SMALL_REQUEST)
    read_small(client)
    return client


def read_small(client):
    """Reads an answer of 1 KiB."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < 1024:
        part = client.recv(65536)
        if not part:
            raise ConnectionError(f"the answer ends early: {answer[:200]}")
        answer += part


def most_of(proxy, load):
    """The most memory that a proxy has under a load."""
    url = f"{'https' if load.speaks == 'tls' else 'http'}://localhost:{proxy.port}{load.path}"
    command = loads.pinned(loads.OTHERS, ["wrk", "-t1", f"-c{load.connections}", "-d4s", url])
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as tool:
        while tool.poll() is None:
            most = max(most, proxy.resident())
            time.sleep(0.1)
    return most
