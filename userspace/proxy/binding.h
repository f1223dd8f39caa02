/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_PROXY_BINDING_H
#define SLUICE_PROXY_BINDING_H

#include "model/config.h"
#include "sys/tls_ticket.h"

/**
 * binding_of() - what the tickets of a listener are bound to besides TLS material: its name and its
 * rules. Hosts of a fleet whose listeners have the same of these can take each other's tickets.
 * @config: has the upstreams that the rules name. Returns: 0, -ENOMEM.
 */
int binding_of(const struct config *config, const struct config_listener *listener,
	       uint8_t ret_binding[TLS_TICKET_BINDING_LEN]);

#endif
