/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of verification share: certificates as they should be, and a server that looks at them. */
#ifndef SELFTESTS_UNIT_VERIFY_LAB_H
#define SELFTESTS_UNIT_VERIFY_LAB_H

#include "selftests/lib/forge.h"

#include "sys/tls_verify_internal.h"

#include <openssl/x509v3.h>

/* clang-format off */
#define DAY     86400
#define IN_TIME .from = -DAY, .until = DAY

#define CA_BASIC        {NID_basic_constraints, "critical,CA:TRUE"}
#define CA_USAGE        {NID_key_usage, "critical,keyCertSign,cRLSign"}
#define CA_EXTENSIONS   CA_BASIC, CA_USAGE, {NID_subject_key_identifier, "hash"}
#define LEAF_BASIC      {NID_basic_constraints, "critical,CA:FALSE"}
#define LEAF_USAGE      {NID_key_usage, "critical,digitalSignature"}
#define FOR_CLIENTS     {NID_ext_key_usage, "clientAuth"}
#define LEAF_EXTENSIONS LEAF_BASIC, LEAF_USAGE, FOR_CLIENTS
/* clang-format on */

#define REFUSED(what) .refusal = TLS_REFUSAL_##what

extern const struct forge_spec lab_root, lab_other_root, lab_sub, lab_leaf;

/** lab_chain() - as a peer shows them; @above NULL: the leaf alone. The caller's. */
struct tls_chain *lab_chain(X509 *leaf, X509 *above);

/** lab_ctx() - of a server that wants certificates; @ca is PEM or NULL. */
struct tls_ctx *lab_ctx(const char *ca, const struct tls_verify_params *verify);

#endif
