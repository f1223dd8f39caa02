#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# java.sh PORT PKI VERSION [BYTES]: see Peer.java, which `make interop` compiles.
# The emulator of the guests gets some of AVX wrong: the JVM dies of it.
exec java -XX:UseAVX=0 -cp "$(dirname "$0")/../../../build/selftests/interop" Peer "$@"
