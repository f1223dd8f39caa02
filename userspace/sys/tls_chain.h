/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that a peer has shown, as their bytes: what is needed to verify it again when the
 * connection has long been in the kernel. Never changed once it is made, and counted: sessions of the
 * same peer share one. Not for more than one thread.
 */
#ifndef SLUICE_SYS_TLS_CHAIN_H
#define SLUICE_SYS_TLS_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#define TLS_CHAIN_HASH_BYTES 32
#define TLS_CHAIN_MAX_BYTES  102400 /* of certificates of a peer: what OpenSSL takes by itself */

struct tls_chain;

/** tls_chain_new() - @len bytes of DER, certificate after certificate, leaf first. NULL: no memory. */
struct tls_chain *tls_chain_new(const void *der, size_t len);

/** tls_chain_ref() - one owner more. Returns: @chain; NULL is fine. */
struct tls_chain *tls_chain_ref(struct tls_chain *chain);

/** tls_chain_unref() - one owner less; the last one frees it. NULL is fine. */
void tls_chain_unref(struct tls_chain *chain);

/** tls_chain_hash() - SHA-256 over all of its bytes. */
const uint8_t *tls_chain_hash(const struct tls_chain *chain);

/** tls_chain_der() - its bytes, borrowed. */
const uint8_t *tls_chain_der(const struct tls_chain *chain, size_t *ret_len);

#endif
