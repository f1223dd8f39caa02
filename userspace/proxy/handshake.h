/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "TLS is established" to a verdict: read the peer's names and ask the policy.
 *
 * The policy is asked after the handshake and not in the certificate callback: only then has the
 * peer proved that it owns the key of the certificate that it showed (docs/decisions/0003).
 */
#ifndef SLUICE_PROXY_HANDSHAKE_H
#define SLUICE_PROXY_HANDSHAKE_H

#include "model/policy.h"

struct tls_conn;

/**
 * handshake_identify() - names of the verified peer; without a certificate an empty identity.
 * Returns: 0; -EINVAL (a name that cannot be used: refuse); -ENOMEM. @ret_identity is the
 * caller's to identity_done() in every case.
 */
int handshake_identify(const struct tls_conn *tls, struct identity *ret_identity);

#endif
