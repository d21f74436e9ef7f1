"""The loads, and the tools that make them."""
import dataclasses
import re
import shutil
import subprocess

from peers import OTHERS, pinned

PACKAGES = {"wrk": "Debian package wrk", "h2load": "Debian package nghttp2-client"}
# More than any run takes, in seconds.
MOST = 120


@dataclasses.dataclass
class Load:
    title: str
    speaks: str
    tool: str
    connections: int
    path: str = "/small"
    workers: int = 1
    # Requests at once on a connection of HTTP/2.
    streams: int = 1
    closes: bool = False
    # Whether system calls are counted, too.
    calls: bool = False


LOADS = {
    "h1-small": Load("HTTP/1.1, 64 connections, 1 KiB", "h1", "wrk", 64, calls=True),
    "h1-small-2": Load("the same, two workers", "h1", "wrk", 64, workers=2),
    "h1-one": Load("HTTP/1.1, one connection, 1 KiB", "h1", "wrk", 1),
    "h1-large": Load("HTTP/1.1, 64 connections, 64 KiB", "h1", "wrk", 64, "/large", calls=True),
    "h1-close": Load("HTTP/1.1, a connection for each request, 1 KiB", "h1", "wrk", 64, closes=True),
    "h2-small": Load("HTTP/2 to HTTP/1.1, 16 connections of 8 requests, 1 KiB", "h2c", "h2load", 16, streams=8,
                     calls=True),
    "h2-large": Load("HTTP/2 to HTTP/1.1, 16 connections of 4 requests, 64 KiB", "h2c", "h2load", 16, "/large",
                     streams=4, calls=True),
    "tls-small": Load("TLS 1.3, HTTP/1.1, 64 connections, 1 KiB", "tls", "wrk", 64, calls=True),
    "tls-h2": Load("TLS 1.3, HTTP/2, 16 connections of 8 requests, 1 KiB", "tls", "h2load", 16, streams=8),
    "tls-handshake": Load("TLS 1.3, a full handshake for each request, 1 KiB", "tls", "wrk", 64, closes=True),
}


@dataclasses.dataclass
class Outcome:
    """What a tool tells of a run. Times are in milliseconds; `None` where it does not tell."""
    requests: int
    per_second: float
    p50: float | None
    p99: float | None
    errors: str


def is_there(load):
    return shutil.which(load.tool) is not None


def versions():
    found = {}
    for tool, pattern in (("wrk", r"wrk \S*?([\d.]+)"), ("h2load", r"nghttp2/([\d.]+)")):
        if shutil.which(tool):
            text = subprocess.run([tool, "--version"], capture_output=True, text=True)
            found[tool] = re.search(pattern, text.stdout + text.stderr).group(1)
    return found


def send(load, port, seconds):
    """Sends requests to a proxy for so long."""
    scheme = "https" if load.speaks == "tls" else "http"
    url = f"{scheme}://localhost:{port}{load.path}"
    return (wrk if load.tool == "wrk" else h2load)(load, url, seconds)


def wrk(load, url, seconds):
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--latency"]
    if load.closes:
        command += ["-H", "Connection: close"]
    text = output(command + [url])
    errors = re.findall(r"Socket errors: .*|Non-2xx or 3xx responses: \d+", text)
    return Outcome(int(find(r"(\d+) requests in", text)), float(find(r"Requests/sec:\s+([\d.]+)", text)),
                   milliseconds("50%", text), milliseconds("99%", text), "; ".join(errors))


def milliseconds(percentile, text):
    found = re.search(re.escape(percentile) + r"\s+([\d.]+)(us|ms|s|m)\b", text)
    return float(found.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[found.group(2)]


def h2load(load, url, seconds):
    command = ["h2load", "-t1", f"-c{load.connections}", f"-m{load.streams}", "-D", str(seconds), url]
    text = output(command)
    # What was under way when the time was over counts as neither.
    done = int(find(r"(\d+) succeeded", text))
    failed = int(find(r"status codes: .* (\d+) 5xx", text)) + int(find(r"status codes: .* (\d+) 4xx", text))
    return Outcome(done, done / seconds, None, None, f"{failed} answers of 4xx or 5xx" if failed or not done else "")


def output(command):
    return subprocess.run(pinned(OTHERS, command), capture_output=True, text=True, timeout=MOST).stdout


def find(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"no `{pattern}` in:\n{text}")
    return found.group(1)
