/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file as written: texts in the shape of the schema, and the line of each field.
 * Wraps libcyaml and libyaml; knows nothing of what the values mean.
 *
 * Every field is optional here (NULL or no entries); daemon/confload says what must be there.
 */
#ifndef SLUICE_SYS_CONFILE_H
#define SLUICE_SYS_CONFILE_H

#include "base/report.h"

struct confile_certificate {
	char *chain;
	char *key;
	char *pkcs12; /* in the place of both */
	char *password;
};

struct confile_trust_domain {
	char *name;
	char *ca;
};

/** What tls: of a listener and of an upstream have in common, beside the name of the first key. */
struct confile_verify {
	char **crls;
	unsigned int n_crls;
	char *crl_mode, *crl_missing, *crl_expired;
	char *verify_depth, *security_level;
	struct confile_trust_domain *trust_domains;
	unsigned int n_trust_domains;
};

struct confile_tls {
	struct confile_certificate *certificates;
	unsigned int n_certificates;
	char *min_version;
	char **alpn;
	unsigned int n_alpn;
	char *client_auth;
	char *client_ca;
	char *client_ca_names;
	struct confile_verify verify;
	char *resumption, *ticket_keys, *ticket_lifetime;
};

struct confile_time {
	char *from, *until;
	char **days;
	unsigned int n_days;
	char *hours;
};

/** Lists of a match, of its `not`, and of sources in its `include`. */
struct confile_match {
	char **cn, **dns, **uri, **ip, **email, **ou, **o, **dn, **issuer, **serial;
	unsigned int n_cn, n_dns, n_uri, n_ip, n_email, n_ou, n_o, n_dn, n_issuer, n_serial;
	char **cert_sha256, **spki_sha256, **trust_domain, **sni, **alpn, **source, **tls_version;
	unsigned int n_cert_sha256, n_spki_sha256, n_trust_domain, n_sni, n_alpn, n_source,
		n_tls_version;
	/* Not in an `include`. */
	char *anonymous;
	struct confile_time *time;
	struct confile_match *include;
	struct confile_match *except; /* `not` */
};

/** One list of a match. */
struct confile_list {
	const char *key;
	char *const *texts;
	unsigned int n;
};

/** confile_match_list() - the list number @index, also one without texts. False: there are fewer. */
bool confile_match_list(const struct confile_match *match, size_t index,
			struct confile_list *ret_list);

struct confile_rule {
	char *include; /* rules of a file stand here; nothing else is set then */
	char *name;
	struct confile_match *match;
	char *action;
	char *respond;
	char *upstream;
	char *audit;
};

struct confile_offload_after {
	char *bytes, *age;
};

struct confile_proxy_protocol {
	char **from;
	unsigned int n_from;
	char *version, *timeout, *max_size;
};

struct confile_listener {
	char *name;
	char **listen;
	unsigned int n_listen;
	struct confile_proxy_protocol *proxy_protocol;
	char *mode;
	struct confile_tls *tls;
	struct confile_rule *rules;
	unsigned int n_rules;
	char *offload;
	struct confile_offload_after *offload_after;
	char *engine;
	char *on_truncation;
	char *refuse_with;
	char *no_upstream;
	char *upstream;
};

struct confile_upstream_tls {
	struct confile_certificate *certificate;
	char *server_ca;
	struct confile_verify verify;
	char *server_name;
	char *sni;
	char **alpn;
	unsigned int n_alpn;
	char *min_version;
};

struct confile_upstream {
	char *name;
	char **endpoints;
	unsigned int n_endpoints;
	struct confile_upstream_tls *tls;
	char *proxy_protocol;
	char **proxy_protocol_tlvs;
	unsigned int n_proxy_protocol_tlvs;
};

struct confile_timeouts {
	char *handshake, *connect, *idle, *half_closed, *unacked, *drain;
};

struct confile_session {
	char *max_age;
	char *end_with_certificate;
};

struct confile_limits {
	char *connections, *handshakes, *records_per_key, *key_updates;
};

struct confile_admin {
	char *listen;
};

struct confile_reload {
	char *watch;
};

struct confile_log {
	char *format;
};

struct confile_root {
	struct confile_listener *listeners;
	unsigned int n_listeners;
	struct confile_upstream *upstreams;
	unsigned int n_upstreams;
	struct confile_timeouts *timeouts;
	struct confile_session *session;
	struct confile_limits *limits;
	struct confile_admin *admin;
	struct confile_log *log;
	struct confile_reload *reload;
	char *workers;
	char *user;
};

struct confile;

/** What ${NAME} stands for; NULL: it is not set. Borrowed until the next call. */
typedef const char *confile_variable(void *arg, const char *name);

#define CONFILE_FIELD_MAX 256  /* a path such as "listeners[0].rules[12].match.uri[3]" */
#define CONFILE_VALUE_MAX 4096 /* bytes of one text, expanded: a path name fits */

/**
 * confile_parse() - read @text, expand variables, check it against the schema.
 *
 * ${NAME} and ${NAME:-default} are expanded in values, after parsing: what a variable holds is
 * text, never structure. $${ stands for ${.
 *
 * Every mistake goes to @report: unknown and repeated keys, values of the wrong kind, unset
 * variables, anchors, tags. What is wrong is left out of the result (its place in a list stays, as
 * an empty text or mapping), so that the caller can look for other mistakes; report_covers() tells
 * what was reported.
 *
 * Returns: 0; -EINVAL when nothing can be read (@report says why); -ENOMEM.
 */
int confile_parse(const char *text, size_t len, confile_variable *variable, void *arg,
		  struct report *report, struct confile **ret_confile);
/**
 * confile_parse_rules() - the same of a file with a list of rules alone, as under `rules:`, which may be
 * empty. Fields are "[3].match.cn[0]".
 */
int confile_parse_rules(const char *text, size_t len, confile_variable *variable, void *arg,
			struct report *report, struct confile **ret_confile);
void confile_free(struct confile *confile);

/** confile_root() - of confile_parse(); confile_rules() - of confile_parse_rules(). */
const struct confile_root *confile_root(const struct confile *confile);
const struct confile_rule *confile_rules(const struct confile *confile, size_t *ret_n);

/**
 * confile_line() - line of the field at @path ("listeners[0].tls.client_ca"), or of the nearest
 * one above it that is there.
 */
unsigned int confile_line(const struct confile *confile, const char *path);

/** confile_is_utf8() - libyaml checks what it reads, but not what a variable or another file holds. */
bool confile_is_utf8(const char *text);

#endif
