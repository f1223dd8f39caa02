/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, keys and configurations for tests, in the test's own directory. */
#ifndef SELFTESTS_UNIT_MATERIAL_H
#define SELFTESTS_UNIT_MATERIAL_H

#include "sys/tls_pki.h"

struct bundle;
struct config;
struct report;

/** material_issue() - valid from @from to @until, in days from now; the caller frees it. */
struct tls_pki_entity *material_issue(enum tls_pki_usage usage, enum tls_pki_key key,
				      const char *cn, int from, int until,
				      const struct tls_pki_entity *issuer);

/** MATERIAL_BLOCK() - PEM with any label and any text between its lines. */
#define MATERIAL_BLOCK(label, body) "-----BEGIN " label "-----\n" body "\n-----END " label "-----\n"

/** material_joined() - @a and @b behind it, in memory of the caller. */
char *material_joined(const char *a, const char *b);

/** material_path() - where @name is; static until the next call. */
const char *material_path(const char *name);

/** material_write() - a file of @len bytes, overwritten. */
void material_write(const char *name, const void *bytes, size_t len);
void material_write_text(const char *name, const char *text);

/** material_write_entity() - NAME.pem and NAME.key. */
void material_write_entity(const char *name, const struct tls_pki_entity *entity);

/** material_write_all() - what the tests' configurations name: ca, server, other (another server), client. */
void material_write_all(void);

/**
 * material_load() - @text as sluice.yaml through bundle_read() and confload_build().
 * Returns: their result; *@ret_config and *@ret_bundle are NULL or the caller's.
 */
int material_load(const char *text, struct report *report, struct bundle **ret_bundle,
		  struct config **ret_config);

/** material_told() - "LINE FIELD: MESSAGE" of every item in the order of lines; the caller's. */
char *material_told(struct report *report);

#endif
