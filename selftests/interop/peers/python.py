#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""python.py PORT PKI VERSION: stdin to the server, what it sends to stdout, until both have ended."""
import os
import select
import socket
import ssl
import sys

CHUNK = 65536


def connect(port, pki, version):
    context = ssl.create_default_context(cafile=f"{pki}/ca.pem")
    context.load_cert_chain(f"{pki}/client-a.pem", f"{pki}/client-a.key")
    context.minimum_version = context.maximum_version = {
        "1.2": ssl.TLSVersion.TLSv1_2,
        "1.3": ssl.TLSVersion.TLSv1_3,
    }[version]
    raw = socket.create_connection(("127.0.0.1", port))
    # Without suppress_ragged_eofs=False a FIN alone would look like a clean end.
    return context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)


def receive(tls):
    """Everything that is there to stdout; False at the clean end."""
    try:
        while data := tls.recv(CHUNK):
            sys.stdout.buffer.write(data)
        return False
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        sys.stdout.buffer.flush()
        return True


def relay(tls):
    """Until one of the two sides ends."""
    held = b""
    while True:
        sources = [tls] if held else [tls, sys.stdin]
        ready, _, _ = select.select(sources, [tls] if held else [], [])
        if tls in ready and not receive(tls):
            return
        if sys.stdin in ready:
            held = os.read(sys.stdin.fileno(), CHUNK)
            if not held:
                return
        try:
            if held:
                held = held[tls.send(held) :]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass


def main():
    with connect(int(sys.argv[1]), *sys.argv[2:]) as tls:
        tls.setblocking(False)
        relay(tls)
        tls.setblocking(True)
        tls.unwrap().close()
    sys.stdout.buffer.flush()


main()
