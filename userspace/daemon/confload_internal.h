/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by confload*.c only. A function returns 0 or -ENOMEM; mistakes are in the report, and it
 * goes on with anything that can be gone on with.
 */
#ifndef SLUICE_DAEMON_CONFLOAD_INTERNAL_H
#define SLUICE_DAEMON_CONFLOAD_INTERNAL_H

#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "sys/confile.h"
#include "sys/tls_cert.h"

struct confload {
	const struct bundle *bundle;
	const struct confile *confile;
	const struct confile_root *root;
	struct report *report;
	struct config *config;
};

/** Path of a field, as confile_line() takes it. */
struct confload_field {
	char path[CONFILE_FIELD_MAX];
};

struct confload_field confload_field(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** confload_mistake() - unless the field, or one around it, has a mistake already. */
void confload_mistake(struct confload *load, const struct confload_field *field, const char *hint,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/** confload_remark() - a warning; is left out while there are mistakes nearby, as above. */
void confload_remark(struct confload *load, const struct confload_field *field, const char *hint,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));

/** confload_need() - a text must be there. Returns: false, and a mistake, when it is not. */
bool confload_need(struct confload *load, const struct confload_field *field, const char *text,
		   const char *hint);

/** confload_name() - copy a name and check how it is written. */
int confload_name(struct confload *load, const struct confload_field *field, const char *text,
		  char **ret_name);

/** confload_choice() - index in @choices (NULL at its end); the first is the default. */
unsigned int confload_choice(struct confload *load, const struct confload_field *field,
			     const char *text, const char *const *choices);

/** confload_addr() - an address; len == 0 when there was a mistake. */
void confload_addr(struct confload *load, const struct confload_field *field, const char *text,
		   struct addr *ret_addr);

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS	  (60 * MINUTE_MS)

/** What a value may be, and what it is when nobody says. */
struct confload_range {
	uint64_t otherwise, least, most;
	const char *words; /* the limits for people */
};

/** Values with a unit, or none; @text NULL gives @range->otherwise. */
uint64_t confload_duration(struct confload *load, const struct confload_field *field,
			   const char *text, const struct confload_range *range);
uint64_t confload_bytes(struct confload *load, const struct confload_field *field, const char *text,
			const struct confload_range *range);
uint64_t confload_number(struct confload *load, const struct confload_field *field,
			 const char *text, const struct confload_range *range);

/** confload_texts() - copy a list. */
int confload_texts(char *const *from, unsigned int n, char ***ret_texts, size_t *ret_n);

/** confload_is_dns() - a host's name without wildcard. */
bool confload_is_dns(const char *text);

/** confload_is_uri() - as in a certificate: a scheme, something behind it, ASCII without blanks. */
bool confload_is_uri(const char *text);

/** confload_min_version() - "1.2" or "1.3". */
enum config_tls_version confload_min_version(struct confload *load,
					     const struct confload_field *field, const char *text);

/** confload_certificate() - chain and key at @field, and whether they fit together. */
int confload_certificate(struct confload *load, const struct confload_field *field,
			 enum tls_cert_role role, const struct confile_certificate *from,
			 struct config_certificate *to);

/** confload_blob() - the content of @source; data stays NULL when there was a mistake. */
int confload_blob(struct confload *load, const struct confload_field *field, const char *source,
		  struct config_blob *to);

/** confload_ca() - trusted CAs; data stays NULL when there was a mistake. */
int confload_ca(struct confload *load, const struct confload_field *field, const char *source,
		struct config_blob *to);

/* The parts. */
int confload_upstreams(struct confload *load);
int confload_listeners(struct confload *load);
int confload_tls(struct confload *load, size_t index, struct config_listener *listener);
int confload_tickets(struct confload *load, size_t index, struct config_listener *listener);
int confload_rules(struct confload *load, size_t index, struct config_listener *listener);
int confload_originate(struct confload *load, size_t index, struct config_listener *listener);
int confload_passthrough(struct confload *load, size_t index, struct config_listener *listener);

/** confload_check_passthrough() - may clients of mode: passthrough go to @upstream (its index)? */
void confload_check_passthrough(struct confload *load, const struct confload_field *field,
				size_t upstream);
/** confload_find_upstream() - its index; n_upstreams, and a mistake, when there is none. */
size_t confload_find_upstream(struct confload *load, const struct confload_field *field,
			      const char *wanted);
/** confload_sni_check() - a match of mode: passthrough. */
void confload_sni_check(struct confload *load, size_t listener, size_t rule,
			const struct confile_match *match);
/** confload_match_check() - Returns: true when it is about peers without certificate. */
bool confload_match_check(struct confload *load, size_t listener, size_t rule,
			  const struct confile_match *match);

#endif
