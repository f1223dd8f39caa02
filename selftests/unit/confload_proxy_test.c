// SPDX-License-Identifier: Apache-2.0
/* What the configuration says of the PROXY protocol. */
#include "selftests/harness/harness.h"

#include "selftests/unit/material.h"

#include "base/fd.h"
#include "base/report.h"
#include "daemon/bundle.h"
#include "daemon/confload.h"
#include "model/config.h"

#include <stdlib.h>
#include <string.h>

SUITE("confload_proxy", .deadline_ms = 20000);

#define LISTENER(listen)                                                                           \
	"listeners:\n- name: web\n  listen: [" listen "]\n  mode: passthrough\n  upstream: app\n"
#define UPSTREAM "upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"]}]\n"
/* Line 6. */
#define IN(text) LISTENER("\"127.0.0.1:8443\"") "  proxy_protocol: {" text "}\n" UPSTREAM
#define OUT(text)                                                                                  \
	LISTENER("\"127.0.0.1:8443\"")                                                             \
	"upstreams: [{name: app, endpoints: [\"127.0.0.1:8080\"], " text "}]\n"
#define FROM "6 listeners[0].proxy_protocol.from"
#define TLVS "6 upstreams[0].proxy_protocol_tlvs"

struct text_case {
	VARIANT;
	const char *text, *told;
	bool remark;
};

/* clang-format off */
CASES(struct text_case, texts,
      {.name = "in", .text = IN("from: [\"10.0.0.0/8\", \"192.0.2.1\"], version: v2, timeout: 1s, max_size: 16KiB"), .told = ""},
      {.name = "from_missing", .text = IN("version: v2"), .told = FROM ": is missing: nobody may say who a client is, unless he is named"},
      {.name = "from_empty", .text = IN("from: []"), .told = FROM ": is an empty list"},
      {.name = "from_a_name", .text = IN("from: [lb.example]"), .told = FROM "[0]: 'lb.example' is no network"},
      {.name = "from_a_port", .text = IN("from: [\"10.0.0.1\", \"10.0.0.1:80\"]"), .told = FROM "[1]: '10.0.0.1:80' is no network"},
      {.name = "from_long_prefix", .text = IN("from: [\"10.0.0.0/33\"]"), .told = FROM "[0]: '10.0.0.0/33' has a prefix that is longer than the address"},
      {.name = "from_bits_behind", .text = IN("from: [\"10.0.0.1/8\"]"), .told = FROM "[0]: '10.0.0.1/8' has bits behind its prefix"},
      {.name = "from_unix_on_tcp", .text = IN("from: [unix]"), .told = FROM "[0]: warning: has no effect: no address of this listener is of its family", .remark = true},
      {.name = "from_v6_on_v4", .text = IN("from: [\"::/0\"]"), .told = FROM "[0]: warning: has no effect: no address of this listener is of its family", .remark = true},
      {.name = "from_unix", .text = LISTENER("unix:/run/a") "  proxy_protocol: {from: [unix]}\n" UPSTREAM, .told = ""},
      {.name = "version", .text = IN("from: [\"10.0.0.0/8\"], version: v3"), .told = "6 listeners[0].proxy_protocol.version: 'v3' is not a possible value"},
      {.name = "timeout", .text = IN("from: [\"10.0.0.0/8\"], timeout: 0"), .told = "6 listeners[0].proxy_protocol.timeout: 0 is out of range"},
      {.name = "size_small", .text = IN("from: [\"10.0.0.0/8\"], max_size: 231B"), .told = "6 listeners[0].proxy_protocol.max_size: 231B is out of range"},
      {.name = "size_least", .text = IN("from: [\"10.0.0.0/8\"], max_size: 232B"), .told = ""},
      {.name = "size_large", .text = IN("from: [\"10.0.0.0/8\"], max_size: 17KiB"), .told = "6 listeners[0].proxy_protocol.max_size: 17KiB is out of range"},
      {.name = "unknown_key", .text = IN("form: [\"10.0.0.0/8\"], from: [\"10.0.0.0/8\"]"), .told = "6 listeners[0].proxy_protocol.form: unknown key"},
      {.name = "a_single_value", .text = LISTENER("\"127.0.0.1:8443\"") "  proxy_protocol: v2\n" UPSTREAM, .told = "6 listeners[0].proxy_protocol: is a single value, but must be a mapping"},
      {.name = "out_v1", .text = OUT("proxy_protocol: v1"), .told = ""},
      {.name = "out_v2", .text = OUT("proxy_protocol: v2, proxy_protocol_tlvs: [alpn, authority, unique_id, crc32c, ssl, certificate, others]"), .told = ""},
      {.name = "out_none", .text = OUT("proxy_protocol: v2, proxy_protocol_tlvs: [none]"), .told = ""},
      {.name = "out_off", .text = OUT("proxy_protocol: off"), .told = ""},
      {.name = "out_version", .text = OUT("proxy_protocol: any"), .told = "6 upstreams[0].proxy_protocol: 'any' is not a possible value"},
      {.name = "tlvs_of_v1", .text = OUT("proxy_protocol: v1, proxy_protocol_tlvs: [ssl]"), .told = TLVS ": has no effect: only version 2 has them"},
      {.name = "tlvs_of_nothing", .text = OUT("proxy_protocol_tlvs: [ssl]"), .told = TLVS ": has no effect: only version 2 has them"},
      {.name = "tlvs_unknown", .text = OUT("proxy_protocol: v2, proxy_protocol_tlvs: [ssl, cn]"), .told = TLVS "[1]: 'cn' is not a possible value"},
      {.name = "tlvs_none_and_more", .text = OUT("proxy_protocol: v2, proxy_protocol_tlvs: [ssl, none]"), .told = TLVS "[1]: none, and others with it"},
      {.name = "certificate_without_ssl", .text = OUT("proxy_protocol: v2, proxy_protocol_tlvs: [certificate]"), .told = TLVS ": has certificate, which is a part of ssl, and not ssl"});
/* clang-format on */

TEST_CASES(a_text_is_right_or_not, texts)
{
	bool good = !variant->told[0] || variant->remark;
	char _cleanup_free_ *text = NULL;
	struct report report;
	struct bundle *bundle;
	struct config *config;

	report_init(&report);
	CHECK_EQ(material_load(variant->text, &report, &bundle, &config), good ? 0 : -EINVAL);
	text = material_told(&report);
	CHECK_STR(text, variant->told);
	config_free(config);
	bundle_free(bundle);
	report_done(&report);
}

static struct config *load(const char *text, struct bundle **ret_bundle)
{
	struct config *config;
	struct report report;

	report_init(&report);
	MUST_EQ(material_load(text, &report, ret_bundle, &config), 0);
	report_done(&report);
	return config;
}

TEST(defaults)
{
	struct bundle *bundle;
	struct config *config = load(IN("from: [\"10.0.0.0/8\"]"), &bundle);
	const struct config_proxy_in *in = config->listeners[0].proxy_in;

	MUST(in);
	CHECK_EQ(in->n_from, 1);
	CHECK(in->v1 && in->v2);
	CHECK_EQ(in->timeout_ms, 5000);
	CHECK_EQ(in->max_bytes, 4096);
	CHECK_EQ(config->upstreams[0].proxy_out, PROXY_OFF);
	config_free(config);
	bundle_free(bundle);
	config = load(OUT("proxy_protocol: v2"), &bundle);
	CHECK(!config->listeners[0].proxy_in);
	CHECK_EQ(config->upstreams[0].proxy_out, PROXY_V2);
	/* A certificate is long, and many receivers have little room. */
	CHECK_EQ(config->upstreams[0].proxy_tlvs, PROXY_TELL_ALPN | PROXY_TELL_AUTHORITY |
							  PROXY_TELL_UNIQUE_ID | PROXY_TELL_CRC32C |
							  PROXY_TELL_SSL | PROXY_TELL_OTHERS);
	config_free(config);
	bundle_free(bundle);
}

TEST(versions_are_what_they_are_called)
{
	struct bundle *bundle;
	struct config *config = load(IN("from: [\"10.0.0.0/8\"], version: v1"), &bundle);

	CHECK(config->listeners[0].proxy_in->v1 && !config->listeners[0].proxy_in->v2);
	config_free(config);
	bundle_free(bundle);
	config = load(IN("from: [\"10.0.0.0/8\"], version: v2"), &bundle);
	CHECK(!config->listeners[0].proxy_in->v1 && config->listeners[0].proxy_in->v2);
	config_free(config);
	bundle_free(bundle);
}
