/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody else is told about the client of a TLS connection and about the certificate that it was
 * shown. The handshake must be done. Wraps OpenSSL; its error queue is empty whenever one returns.
 */
#ifndef SLUICE_SYS_TLS_PEER_H
#define SLUICE_SYS_TLS_PEER_H

#include "sys/tls.h"

/** tls_peer_resumed() - the certificate was shown on an earlier connection of the same TLS session. */
bool tls_peer_resumed(const struct tls_conn *conn);

/**
 * tls_peer_certificate() - the peer's certificate as DER, freed by the caller.
 * Returns: 0; -ENOENT: it has shown none; -ENOMEM.
 */
int tls_peer_certificate(const struct tls_conn *conn, uint8_t **ret_der, size_t *ret_len);

/**
 * tls_peer_cn() - the only CN of the peer's certificate as UTF-8, freed by the caller.
 * Returns: 1; 0: it has no CN, or there is no certificate; -E2BIG: several; -EINVAL: one that is no
 *          text, or has control characters in it; -ENOMEM.
 */
int tls_peer_cn(const struct tls_conn *conn, char **ret_cn, size_t *ret_len);

/** tls_own_signature_name() - what our certificate is signed with, OpenSSL's short name: "RSA-SHA256". */
const char *tls_own_signature_name(const struct tls_conn *conn);

/** tls_own_key_name() - type and bits of its key: "RSA2048", "EC256", "ED25519"; "" when we have none. */
#define TLS_KEY_NAME_MAX 32
const char *tls_own_key_name(const struct tls_conn *conn, char text[TLS_KEY_NAME_MAX]);

#endif
