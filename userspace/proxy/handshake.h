/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "TLS is established" to who the peer is.
 *
 * The policy is asked after the handshake and not in the certificate callback: only then has the
 * peer proved that it owns the key of the certificate that it showed (docs/decisions/0003).
 */
#ifndef SLUICE_PROXY_HANDSHAKE_H
#define SLUICE_PROXY_HANDSHAKE_H

#include "model/identity.h"

struct tls_conn;

/**
 * handshake_identify() - the verified peer. *@ret_identity is NULL when it has no certificate, and the
 * caller's otherwise. Returns: 0; -ENOMEM.
 */
int handshake_identify(const struct tls_conn *tls, struct identity **ret_identity);

/**
 * handshake_identify_pem() - who would be who shows the first certificate of @pem; nothing is verified.
 * Returns: 0; -EINVAL (there is none); -ENOMEM.
 */
int handshake_identify_pem(const char *pem, size_t len, struct identity **ret_identity);

#endif
