/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by confload*.c only. A function returns 0 or -ENOMEM; mistakes are in the report, and it
 * goes on with anything that can be gone on with.
 */
#ifndef SLUICE_DAEMON_CONFLOAD_INTERNAL_H
#define SLUICE_DAEMON_CONFLOAD_INTERNAL_H

#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/match.h"
#include "sys/confile.h"
#include "sys/tls_cert.h"

struct confload {
	const struct bundle *bundle;
	const struct confile *confile; /* where fields are: also a file of rules */
	const struct confile_root *root;
	struct report *report;
	struct config *config;
	uint8_t hash_key[SIPHASH_KEY_BYTES]; /* of its match_sets */
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

/** confload_bool() - "true" or "false", which is the default. */
bool confload_bool(struct confload *load, const struct confload_field *field, const char *text);

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

/** confload_alpn() - copy the protocols at @field. */
int confload_alpn(struct confload *load, const struct confload_field *field, char *const *from,
		  unsigned int n, char ***ret_names, size_t *ret_n);

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

/**
 * confload_unlock_pkcs12() - chain and key from `pkcs12:` of the certificate at @field; they stay
 * empty when there was a mistake.
 * confload_unlock_key() - the same of @key, which is there, with `password:`. It stays as it is then.
 */
int confload_unlock_pkcs12(struct confload *load, const struct confload_field *field,
			   const struct confile_certificate *from, struct config_certificate *to);
int confload_unlock_key(struct confload *load, const struct confload_field *field,
			const struct confile_certificate *from, struct config_blob *key);

/** confload_blob() - a file's content; data stays NULL when there was a mistake. */
int confload_blob(struct confload *load, const struct confload_field *field, const char *source,
		  struct config_blob *to);

/** confload_tell() - a mistake or a remark about @source. Returns: true when there is no mistake. */
bool confload_tell(struct confload *load, const struct confload_field *field, const char *source,
		   const struct tls_cert_verdict *verdict);

/**
 * confload_digest() - SHA-256 of a listener's rules, with the files that they include, as they are
 * written: another one is another policy, or the same in other words. Returns: 0, -ENOMEM.
 */
int confload_digest(const struct confload *load, const struct confile_listener *listener,
		    uint8_t ret_digest[CONFIG_DIGEST_BYTES]);

/** confload_ca() - trusted CAs; data stays NULL when there was a mistake. */
int confload_ca(struct confload *load, const struct confload_field *field, const char *source,
		struct config_blob *to);

/** confload_proxy_in(), confload_proxy_out() - the PROXY protocol, of a listener and of an upstream. */
int confload_proxy_in(struct confload *load, size_t index, struct config_listener *listener);
void confload_proxy_out(struct confload *load, size_t index, struct config_upstream *upstream);

/** What of verification stands under which names. */
struct confload_verify {
	const char *tls;     /* path: "listeners[0].tls" */
	const char *ca_key;  /* "client_ca" */
	const char *crl_key; /* "client_crl" */
};

/** confload_verify() - how certificates are verified; @ca was loaded already. */
int confload_verify(struct confload *load, const struct confload_verify *what,
		    const struct confile_verify *from, const struct config_blob *ca,
		    struct config_verify *to);

/** confload_verify_unused() - mistakes about all that is there: nobody is verified, @because. */
void confload_verify_unused(struct confload *load, const struct confload_verify *what,
			    const struct confile_verify *from, const char *because);

/* The parts. */
int confload_upstreams(struct confload *load);
int confload_listeners(struct confload *load);
int confload_tls(struct confload *load, size_t index, struct config_listener *listener);
int confload_tickets(struct confload *load, size_t index, struct config_listener *listener);
int confload_rules(struct confload *load, size_t index, struct config_listener *listener);
int confload_originate(struct confload *load, size_t index, struct config_listener *listener);
int confload_passthrough(struct confload *load, size_t index, struct config_listener *listener);

/** confload_answers() - what a listener tells clients that cannot go on; behind its tls. */
void confload_answers(struct confload *load, size_t index, struct config_listener *listener);
/** confload_respond() - the same of the rule at @rule, behind its action. */
void confload_respond(struct confload *load, const struct confload_field *rule,
		      const struct confile_rule *from, enum config_mode mode,
		      struct config_rule *to);

/** confload_check_passthrough() - may clients of mode: passthrough go to @upstream (its index)? */
void confload_check_passthrough(struct confload *load, const struct confload_field *field,
				size_t upstream);
/** confload_find_upstream() - its index; n_upstreams, and a mistake, when there is none. */
size_t confload_find_upstream(struct confload *load, const struct confload_field *field,
			      const char *wanted);
/** confload_empty() - a part without anything in it, unless what was in it was a mistake. */
void confload_empty(struct confload *load, const struct confload_field *field, const char *hint);

/** confload_match() - the match at @field, for @to, a rule of @listener. */
int confload_match(struct confload *load, const struct confload_field *field,
		   const struct config_listener *listener, const struct confile_match *from,
		   struct config_rule *to);
int confload_time(struct confload *load, const struct confload_field *field,
		  const struct confile_time *from, struct match_time **ret_time);

/** What is wrong with an entry: "'ENTRY' WHAT". Static texts. */
struct confload_problem {
	const char *what, *hint;
};

/**
 * confload_entry_add() - @text as an entry of a list of @key.
 * Returns: 0; -EINVAL with @problem (what NULL: longer than IDENTITY_NAME_MAX); -ENOMEM.
 */
int confload_entry_add(struct match_set *set, enum match_key key, const char *text,
		       struct confload_problem *problem);

/** confload_list_add() - the entries of the file that @source, at @field, names. */
int confload_list_add(struct confload *load, const struct confload_field *field, enum match_key key,
		      const char *source, struct match_set *set);

#endif
