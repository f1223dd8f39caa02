#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# openssl.sh PORT PKI VERSION: stdin to the server, what it sends to stdout, until both have ended.
# Input that begins with k or K is a KeyUpdate, K one that asks for an answer: -quiet alone would not
# look at them.
exec openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$1" -servername localhost "-tls${3/./_}" \
	-CAfile "$2/ca.pem" -verify_return_error \
	-cert "$2/client-a.pem" -cert_chain "$2/client-a.pem" -key "$2/client-a.key"
