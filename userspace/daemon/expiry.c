// SPDX-License-Identifier: Apache-2.0
#include "daemon/expiry.h"

#include "base/clock.h"
#include "base/log.h"
#include "sys/json.h"
#include "sys/tls_cert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS INT64_C(86400)

/*
 * Whoever renews by himself does it with a third of the life left, also when that is an hour; whoever
 * does it by hand needs some weeks, however long it was.
 */
#define WARN_PART      5
#define WARN_MOST_DAYS 30

static int64_t warn_from(const struct tls_cert_end *end)
{
	int64_t part = (end->not_after - end->not_before) / WARN_PART;

	return end->not_after -
	       (part < WARN_MOST_DAYS * DAY_SECONDS ? part : WARN_MOST_DAYS * DAY_SECONDS);
}

static int add_end(struct expiry *expiry, const struct config_blob *blob, bool is_crl,
		   const struct tls_cert_end *end)
{
	struct expiry_entry *list;

	for (size_t i = 0; i < expiry->n; i++) {
		if (strcmp(expiry->list[i].source, blob->source) == 0)
			return 0;
	}
	list = reallocarray(expiry->list, expiry->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	expiry->list = list;
	list[expiry->n] = (struct expiry_entry){
		.source = strdup(blob->source),
		.is_crl = is_crl,
		.subject = strdup(end->subject),
		.not_after = end->not_after,
		.warn_from = warn_from(end),
	};
	expiry->n++;
	return list[expiry->n - 1].source && list[expiry->n - 1].subject ? 0 : -ENOMEM;
}

/* A source without any, or a damaged one, is not for this list. */
static int add(struct expiry *expiry, const struct config_blob *blob)
{
	struct tls_cert_end end;

	if (!blob->data || !tls_cert_first_end(blob->data, blob->len, &end))
		return 0;
	return add_end(expiry, blob, false, &end);
}

static int add_crl(struct expiry *expiry, const struct config_blob *blob)
{
	struct tls_cert_end end;

	if (!tls_cert_first_crl_end((struct tls_bytes){blob->data, blob->len}, &end))
		return 0;
	return add_end(expiry, blob, true, &end);
}

static int read_verify(const struct config_verify *verify, struct expiry *expiry)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < verify->n_trust_domains; i++)
		r = add(expiry, &verify->trust_domains[i].ca);
	for (size_t i = 0; r == 0 && i < verify->n_crls; i++)
		r = add_crl(expiry, &verify->crls[i]);
	return r;
}

static int read_listener(const struct config_listener *listener, struct expiry *expiry)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < listener->n_certificates; i++)
		r = add(expiry, &listener->certificates[i].chain);
	if (r == 0)
		r = add(expiry, &listener->client_ca);
	return r == 0 ? read_verify(&listener->verify, expiry) : r;
}

int expiry_read(const struct config *config, struct expiry *ret_expiry)
{
	int r = 0;

	*ret_expiry = (struct expiry){};
	for (size_t i = 0; r == 0 && i < config->n_listeners; i++)
		r = read_listener(&config->listeners[i], ret_expiry);
	for (size_t i = 0; r == 0 && i < config->n_upstreams; i++) {
		const struct config_upstream_tls *tls = config->upstreams[i].tls;

		if (tls)
			r = add(ret_expiry, &tls->certificate.chain);
		if (r == 0 && tls)
			r = add(ret_expiry, &tls->server_ca);
		if (r == 0 && tls)
			r = read_verify(&tls->verify, ret_expiry);
	}
	if (r < 0)
		expiry_done(ret_expiry);
	return r;
}

void expiry_done(struct expiry *expiry)
{
	for (size_t i = 0; i < expiry->n; i++) {
		free(expiry->list[i].source);
		free(expiry->list[i].subject);
	}
	free(expiry->list);
	*expiry = (struct expiry){};
}

/* Whole days that are left; negative when it has ended. */
static int64_t days_left(const struct expiry_entry *entry, int64_t now)
{
	int64_t left = entry->not_after - now;

	return left >= 0 ? left / DAY_SECONDS : -1 - (-left - 1) / DAY_SECONDS;
}

void expiry_warn(struct expiry *expiry, int64_t now)
{
	for (size_t i = 0; i < expiry->n; i++) {
		struct expiry_entry *entry = &expiry->list[i];
		char text[CLOCK_TEXT_MAX];
		struct log_line line;

		if (now < entry->warn_from ||
		    (entry->warned != 0 && now < entry->warned + DAY_SECONDS))
			continue;
		entry->warned = now;
		log_begin(&line, LOG_WARN, entry->is_crl ? "crl_ends" : "certificate_ends");
		log_str(&line, "source", entry->source);
		log_str(&line, entry->is_crl ? "issuer" : "subject", entry->subject);
		log_str(&line, entry->is_crl ? "next_update" : "not_after",
			clock_format_utc(entry->not_after, text));
		log_i64(&line, "days_left", days_left(entry, now));
		log_end(&line);
	}
}

void expiry_keep(struct expiry *expiry, const struct expiry *before)
{
	for (size_t i = 0; i < expiry->n; i++) {
		struct expiry_entry *entry = &expiry->list[i];

		for (size_t b = 0; b < before->n; b++) {
			if (strcmp(before->list[b].source, entry->source) == 0 &&
			    before->list[b].not_after == entry->not_after)
				entry->warned = before->list[b].warned;
		}
	}
}

void expiry_report(const struct expiry *expiry, int64_t now, struct json *array)
{
	for (size_t i = 0; i < expiry->n; i++) {
		const struct expiry_entry *entry = &expiry->list[i];
		struct json *object = json_append_object(array);
		char text[CLOCK_TEXT_MAX];

		json_add_str(object, "source", entry->source);
		json_add_str(object, "kind", entry->is_crl ? "crl" : "certificate");
		json_add_str(object, "subject", entry->subject);
		json_add_str(object, "not_after", clock_format_utc(entry->not_after, text));
		json_add_i64(object, "days_left", days_left(entry, now));
	}
}
