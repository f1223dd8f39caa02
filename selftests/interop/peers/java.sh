#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# java.sh PORT PKI VERSION [BYTES]: see Peer.java, which `make interop` compiles.
exec java -cp "$(dirname "$0")/../../../build/selftests/interop" Peer "$@"
