/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to what handshakes share. */
#ifndef SLUICE_PROXY_CONTEXT_H
#define SLUICE_PROXY_CONTEXT_H

#include "model/config.h"

struct tls_ctx;

/** context_for_clients() - of a listener that terminates TLS. Returns: as tls_ctx_new(). */
int context_for_clients(const struct config_listener *from, struct tls_ctx **ret_ctx);

/** context_for_upstream() - where we are the client. Returns: as tls_ctx_new_client(). */
int context_for_upstream(const struct config_upstream_tls *from, struct tls_ctx **ret_ctx);

#endif
