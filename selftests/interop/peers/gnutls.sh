#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gnutls.sh PORT PKI VERSION: stdin to the server, what it sends to stdout, until both have ended.
# A line ^rekey1^ is a KeyUpdate, ^rekey^ one that asks for an answer.
export LD_PRELOAD
LD_PRELOAD=$(dirname "$0")/../../../build/selftests/interop/setbuf.so
exec gnutls-cli --inline-commands --logfile=/dev/stderr --port "$1" --priority "NORMAL:-VERS-ALL:+VERS-TLS$3" \
	--x509cafile "$2/ca.pem" --x509certfile "$2/client-a.pem" --x509keyfile "$2/client-a.key" localhost
