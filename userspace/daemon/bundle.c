// SPDX-License-Identifier: Apache-2.0
#include "daemon/bundle_internal.h"

#include "base/fd.h"
#include "base/lockmem.h"
#include "sys/confile.h"
#include "sys/tls_cert.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
		free(items->list[i].culprit);
		lockmem_free(items->list[i].data, items->list[i].len + 1);
	}
	free(items->list);
}

void bundle_free(struct bundle *bundle)
{
	if (!bundle)
		return;
	confile_free(bundle->confile);
	bundle_rules_done(bundle);
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

static void tell_unreadable(const struct confile *confile, struct report *report, const char *field,
			    const struct bundle_item *item, bool list)
{
	const char *source = item->name;
	int error = item->error;
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
		hint = is_env ? "set the variable to the text itself" : "is it written already?";
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
		what = list ? "is larger than 64 MiB" : "is larger than 4 MiB";
		hint = "is this the right file?";
		break;
	case -ENOMSG:
		what = "is a directory without a file that ends with .pem, .crt, .cer, .crl or .der";
		hint = "put one in; an empty list of CAs would refuse everybody";
		break;
	case -EBADMSG:
		what = "is not PEM text";
		hint = "only CRLs may be DER, alone in a file that ends with .crl or .der: openssl "
		       "x509 -inform DER";
		break;
	case -EAGAIN:
		what = "changed while it was read";
		hint = "replace files by rename";
		break;
	default:
		break;
	}
	report_add_mistake(report, confile_line(confile, field), field, hint, "%s: %s%s%s", source,
			   item->culprit ? item->culprit : "", item->culprit ? ": " : "", what);
}

int bundle_collect(struct bundle *bundle, struct report *report, const struct confile *confile,
		   const char *field, const char *source, unsigned int allowed)
{
	const struct bundle_item *known;
	char *data = NULL, *culprit = NULL;
	size_t len = 0;
	int r;

	/* What is missing or empty is confload's to tell. */
	if (!source || source[0] == '\0')
		return 0;
	known = bundle_items_find(&bundle->secrets, source);
	if (!known) {
		int error = bundle_source_read(bundle->dir, source, allowed, &data, &len, &culprit);

		r = error == -ENOMEM ? error
				     : bundle_items_add(&bundle->secrets, source, data, len, error);
		if (r < 0) {
			free(culprit);
			return r;
		}
		bundle->secrets.list[bundle->secrets.count - 1].culprit = culprit;
		known = bundle_items_find(&bundle->secrets, source);
	}
	if (known->error < 0)
		tell_unreadable(confile, report, field, known, (allowed & BUNDLE_LIST) != 0);
	return 0;
}

static int collect(struct bundle *bundle, struct report *report, const char *field,
		   const char *source, unsigned int allowed)
{
	return bundle_collect(bundle, report, bundle->confile, field, source, allowed);
}

/* @at: the path of @certificate. */
static int collect_certificate(struct bundle *bundle, struct report *report, const char *at,
			       const struct confile_certificate *certificate)
{
	const struct {
		const char *key, *source;
	} sources[] = {
		{"chain", certificate->chain},
		{"key", certificate->key},
		{"pkcs12", certificate->pkcs12},
		{"password", certificate->password},
	};
	char field[CONFILE_FIELD_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(sources) / sizeof(sources[0]); i++) {
		snprintf(field, sizeof(field), "%.200s.%s", at, sources[i].key);
		r = collect(bundle, report, field, sources[i].source, BUNDLE_FILE);
	}
	return r;
}

#define CA_SOURCES (BUNDLE_DIRECTORY | BUNDLE_SYSTEM)

/* @tls: where it stands. */
static int collect_verify(struct bundle *bundle, struct report *report, const char *tls,
			  const char *crl_key, const struct confile_verify *verify)
{
	char field[CONFILE_FIELD_MAX];
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < verify->n_crls; i++) {
		snprintf(field, sizeof(field), "%.200s.%s[%u]", tls, crl_key, i);
		r = collect(bundle, report, field, verify->crls[i], BUNDLE_DIRECTORY | BUNDLE_CRL);
	}
	for (unsigned int i = 0; r == 0 && i < verify->n_trust_domains; i++) {
		snprintf(field, sizeof(field), "%.200s.trust_domains[%u].ca", tls, i);
		r = collect(bundle, report, field, verify->trust_domains[i].ca, CA_SOURCES);
	}
	return r;
}

static int collect_listener(struct bundle *bundle, struct report *report, size_t index,
			    const struct confile_tls *tls)
{
	char field[CONFILE_FIELD_MAX];
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < tls->n_certificates; i++) {
		snprintf(field, sizeof(field), "listeners[%zu].tls.certificates[%u]", index, i);
		r = collect_certificate(bundle, report, field, &tls->certificates[i]);
	}
	snprintf(field, sizeof(field), "listeners[%zu].tls.client_ca", index);
	if (r == 0)
		r = collect(bundle, report, field, tls->client_ca, CA_SOURCES);
	snprintf(field, sizeof(field), "listeners[%zu].tls.client_ca_names", index);
	if (r == 0 && tls->client_ca_names && strcmp(tls->client_ca_names, "none") != 0)
		r = collect(bundle, report, field, tls->client_ca_names, CA_SOURCES);
	snprintf(field, sizeof(field), "listeners[%zu].tls", index);
	return r < 0 ? r : collect_verify(bundle, report, field, "client_crl", &tls->verify);
}

static int collect_upstream(struct bundle *bundle, struct report *report, size_t index,
			    const struct confile_upstream_tls *tls)
{
	char field[CONFILE_FIELD_MAX];
	int r = 0;

	snprintf(field, sizeof(field), "upstreams[%zu].tls.certificate", index);
	if (tls->certificate)
		r = collect_certificate(bundle, report, field, tls->certificate);
	snprintf(field, sizeof(field), "upstreams[%zu].tls.server_ca", index);
	if (r == 0)
		r = collect(bundle, report, field, tls->server_ca, CA_SOURCES);
	snprintf(field, sizeof(field), "upstreams[%zu].tls", index);
	return r < 0 ? r : collect_verify(bundle, report, field, "server_crl", &tls->verify);
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

int bundle_read_text(const char *path, struct report *report, struct bundle **ret_bundle)
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
	if (r < 0) {
		bundle_free(bundle);
		return r;
	}
	*ret_bundle = bundle;
	return 0;
}

int bundle_read(const char *path, struct report *report, struct bundle **ret_bundle)
{
	struct bundle *bundle = NULL;
	int r = bundle_read_text(path, report, &bundle);

	if (r == 0)
		r = collect_all(bundle, report);
	if (r == 0)
		r = bundle_tickets_collect(bundle, report);
	if (r == 0)
		r = bundle_rules_collect(bundle, environment, report);
	if (r < 0) {
		bundle_free(bundle);
		return r;
	}
	*ret_bundle = bundle;
	return 0;
}

/* The file or directory that @source names, a directory with "/" at its end. NULL: none, or no memory. */
static char *path_of(const struct bundle *bundle, const char *source, bool *ret_is_one)
{
	char _cleanup_free_ *path = NULL;
	struct stat st;
	char *with_slash;
	size_t len;

	*ret_is_one = true;
	if (strcmp(source, "system") == 0)
		return strdup(tls_cert_system_ca_path());
	*ret_is_one = strncmp(source, "file:", 5) == 0 && source[5] != '\0';
	if (!*ret_is_one)
		return NULL;
	path = bundle_path_beside(bundle->dir, source + 5);
	len = path ? strlen(path) : 0;
	if (len == 0 || path[len - 1] == '/' || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		char *taken = path;

		path = NULL;
		return taken;
	}
	return asprintf(&with_slash, "%s/", path) < 0 ? NULL : with_slash;
}

int bundle_paths(const struct bundle *bundle, const char *path, char ***ret_paths, size_t *ret_n)
{
	char **paths = calloc(bundle->secrets.count + 1, sizeof(char *));
	bool complete = paths != NULL;
	size_t n = 0;

	if (complete)
		complete = (paths[n] = strdup(path)) != NULL;
	n += complete;
	for (size_t i = 0; complete && i < bundle->secrets.count; i++) {
		bool is_one;

		paths[n] = path_of(bundle, bundle->secrets.list[i].name, &is_one);
		complete = !is_one || paths[n];
		n += paths[n] != NULL;
	}
	if (complete) {
		*ret_paths = paths;
		*ret_n = n;
		return 0;
	}
	while (n > 0)
		free(paths[--n]);
	free(paths);
	return -ENOMEM;
}
