// SPDX-License-Identifier: Apache-2.0
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "base/lockmem.h"
#include "base/secret.h"
#include "sys/confile.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_KEY_BYTES 64

/* --- items --- */

const struct bundle_item *bundle_items_find(const struct bundle_items *items, const char *name)
{
	for (size_t i = 0; i < items->count; i++) {
		if (strcmp(items->list[i].name, name) == 0)
			return &items->list[i];
	}
	return NULL;
}

int bundle_items_add(struct bundle_items *items, const char *name, char *data, size_t len,
		     int error)
{
	char *copy = strdup(name);
	struct bundle_item *list = reallocarray(items->list, items->count + 1, sizeof(*list));

	if (list)
		items->list = list;
	if (!list || !copy) {
		free(copy);
		lockmem_free(data, len + 1);
		return -ENOMEM;
	}
	list[items->count++] =
		(struct bundle_item){.name = copy, .data = data, .len = len, .error = error};
	return 0;
}

static void items_done(struct bundle_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->list[i].name);
		lockmem_free(items->list[i].data, items->list[i].len + 1);
	}
	free(items->list);
}

void bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	confile_free(bundle->confile);
	items_done(&bundle->variables);
	items_done(&bundle->secrets);
	lockmem_free(bundle->text, bundle->text_len + 1);
	free(bundle->dir);
	free(bundle);
}

const struct confile *bundle_confile(const struct bundle *bundle)
{
	return bundle->confile;
}

const char *bundle_secret(const struct bundle *bundle, const char *source, size_t *ret_len)
{
	const struct bundle_item *secret = bundle_items_find(&bundle->secrets, source);

	if (!secret || !secret->data)
		return NULL;
	*ret_len = secret->len;
	return secret->data;
}

/* --- reading from disk and environment --- */

/* What the environment has is kept, so that a worker expands to the same text. */
static const char *environment(void *arg, const char *name)
{
	struct bundle *bundle = arg;
	const struct bundle_item *known = bundle_items_find(&bundle->variables, name);
	const char *value = getenv(name);
	char *copy;

	if (known)
		return known->data;
	copy = value ? lockmem_text(value, strlen(value)) : NULL;
	if ((value && !copy) ||
	    bundle_items_add(&bundle->variables, name, copy, value ? strlen(value) : 0, 0) < 0)
		return NULL; /* refused as unset, which is as good as any answer without memory */
	return value;
}

static void tell_unreadable(const struct bundle *bundle, struct report *report, const char *field,
			    const char *source, int error)
{
	bool is_env = strncmp(source, "env:", 4) == 0;
	const char *what = strerror(-error);
	const char *hint = "";

	switch (error) {
	case -EINVAL:
		what = "is neither file:PATH nor env:NAME";
		hint = "write file:/path/to/it.pem";
		break;
	case -ENODATA:
		what = is_env ? "is not set in the environment, or empty" : "is an empty file";
		hint = is_env ? "set the variable to the PEM text" : "it must have PEM text";
		break;
	case -ENOENT:
		hint = "check the path; a relative one is beside the configuration file";
		break;
	case -EACCES:
		hint = "the user that starts sluice must be able to read it";
		break;
	case -EISDIR:
		what = "is not a regular file";
		break;
	case -EFBIG:
		what = "is larger than 4 MiB";
		hint = "is this the right file?";
		break;
	case -EAGAIN:
		what = "changed while it was read";
		hint = "replace files by rename";
		break;
	default:
		break;
	}
	report_add_mistake(report, confile_line(bundle->confile, field), field, hint, "%s: %s",
			   source, what);
}

static int collect(struct bundle *bundle, struct report *report, const char *field,
		   const char *source)
{
	const struct bundle_item *known;
	char *data = NULL;
	size_t len = 0;
	int r;

	/* What is missing or empty is confload's to tell. */
	if (!source || source[0] == '\0')
		return 0;
	known = bundle_items_find(&bundle->secrets, source);
	if (!known) {
		int error = bundle_source_read(bundle->dir, source, &data, &len);

		if (error == -ENOMEM)
			return error;
		r = bundle_items_add(&bundle->secrets, source, data, len, error);
		if (r < 0)
			return r;
		known = bundle_items_find(&bundle->secrets, source);
	}
	if (known->error < 0)
		tell_unreadable(bundle, report, field, source, known->error);
	return 0;
}

/* Nobody has written keys for tickets down: every start has its own, every worker the same. */
static int add_random_keys(struct bundle *bundle)
{
	uint8_t random[RANDOM_KEY_BYTES];
	size_t len = 2 * sizeof(random);
	char *text;

	if (bundle_items_find(&bundle->secrets, BUNDLE_RANDOM_KEYS))
		return 0;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	text = lockmem_new(len + 1);
	for (size_t i = 0; text && i < sizeof(random); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	secret_wipe_mem(random, sizeof(random));
	return text ? bundle_items_add(&bundle->secrets, BUNDLE_RANDOM_KEYS, text, len, 0)
		    : -ENOMEM;
}

static int collect_ticket_keys(struct bundle *bundle, struct report *report, size_t index,
			       const struct confile_tls *tls)
{
	char field[CONFILE_FIELD_MAX];

	if (!tls->resumption || strcmp(tls->resumption, "tickets") != 0)
		return 0;
	if (!tls->ticket_keys)
		return add_random_keys(bundle);
	snprintf(field, sizeof(field), "listeners[%zu].tls.ticket_keys", index);
	return collect(bundle, report, field, tls->ticket_keys);
}

static int collect_listener(struct bundle *bundle, struct report *report, size_t index,
			    const struct confile_tls *tls)
{
	char field[CONFILE_FIELD_MAX];
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < tls->n_certificates; i++) {
		snprintf(field, sizeof(field), "listeners[%zu].tls.certificates[%u].chain", index,
			 i);
		r = collect(bundle, report, field, tls->certificates[i].chain);
		snprintf(field, sizeof(field), "listeners[%zu].tls.certificates[%u].key", index, i);
		if (r == 0)
			r = collect(bundle, report, field, tls->certificates[i].key);
	}
	snprintf(field, sizeof(field), "listeners[%zu].tls.client_ca", index);
	if (r == 0)
		r = collect(bundle, report, field, tls->client_ca);
	return r == 0 ? collect_ticket_keys(bundle, report, index, tls) : r;
}

static int collect_upstream(struct bundle *bundle, struct report *report, size_t index,
			    const struct confile_upstream_tls *tls)
{
	char field[CONFILE_FIELD_MAX];
	int r = 0;

	if (tls->certificate) {
		snprintf(field, sizeof(field), "upstreams[%zu].tls.certificate.chain", index);
		r = collect(bundle, report, field, tls->certificate->chain);
		snprintf(field, sizeof(field), "upstreams[%zu].tls.certificate.key", index);
		if (r == 0)
			r = collect(bundle, report, field, tls->certificate->key);
	}
	snprintf(field, sizeof(field), "upstreams[%zu].tls.server_ca", index);
	return r < 0 ? r : collect(bundle, report, field, tls->server_ca);
}

static int collect_all(struct bundle *bundle, struct report *report)
{
	const struct confile_root *root = confile_root(bundle->confile);
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < root->n_listeners; i++) {
		if (root->listeners[i].tls)
			r = collect_listener(bundle, report, i, root->listeners[i].tls);
	}
	for (unsigned int i = 0; r == 0 && i < root->n_upstreams; i++) {
		if (root->upstreams[i].tls)
			r = collect_upstream(bundle, report, i, root->upstreams[i].tls);
	}
	return r;
}

static int read_text(struct bundle *bundle, const char *path, struct report *report)
{
	const char *slash = strrchr(path, '/');
	int r = bundle_file_read(path, BUNDLE_CONFIG_MAX, &bundle->text, &bundle->text_len);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		report_add_mistake(report, 0, "", r == -EFBIG ? "at most 1 MiB" : "",
				   "cannot be read: %s",
				   r == -ENODATA  ? "the file is empty"
				   : r == -EISDIR ? "not a regular file"
						  : strerror(-r));
		return -EINVAL;
	}
	bundle->dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	return bundle->dir ? 0 : -ENOMEM;
}

int bundle_read(const char *path, struct report *report, struct bundle **ret_bundle)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	int r;

	if (!bundle)
		return -ENOMEM;
	report_set_file(report, path);
	r = read_text(bundle, path, report);
	if (r == 0)
		r = confile_parse(bundle->text, bundle->text_len, environment, bundle, report,
				  &bundle->confile);
	if (r == 0)
		r = collect_all(bundle, report);
	if (r < 0) {
		bundle_free(bundle);
		return r;
	}
	*ret_bundle = bundle;
	return 0;
}
