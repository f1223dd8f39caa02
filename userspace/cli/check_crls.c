// SPDX-License-Identifier: Apache-2.0
#include "cli/check_crls.h"

#include "cli/table.h"
#include "model/config.h"
#include "sys/json.h"
#include "sys/tls_cert.h"

/** Where a CRL is told. */
struct teller {
	const char *source;
	struct table *table;
	struct json *array;
};

static void tell(void *arg, const struct tls_cert_crl *crl)
{
	struct teller *teller = arg;
	struct json *object;

	if (teller->table) {
		table_add(teller->table, teller->source);
		table_add(teller->table, crl->issuer);
		table_add(teller->table, crl->until[0] ? crl->until : "-");
		table_addf(teller->table, "%zu", crl->revoked);
		return;
	}
	object = json_append_object(teller->array);
	json_add_str(object, "source", teller->source);
	json_add_str(object, "issuer", crl->issuer);
	json_add_str(object, "this_update", crl->from);
	json_add_str(object, "next_update", crl->until[0] ? crl->until : NULL);
	json_add_u64(object, "revoked", crl->revoked);
}

static void tell_all(const struct config_verify *verify, struct teller *teller)
{
	for (size_t i = 0; i < verify->n_crls; i++) {
		const struct config_blob *crl = &verify->crls[i];

		teller->source = crl->source;
		tls_cert_each_crl((struct tls_bytes){crl->data, crl->len}, tell, teller);
	}
}

static void walk(const struct config *config, struct teller *teller)
{
	for (size_t i = 0; i < config->n_listeners; i++)
		tell_all(&config->listeners[i].verify, teller);
	for (size_t i = 0; i < config->n_upstreams; i++) {
		if (config->upstreams[i].tls)
			tell_all(&config->upstreams[i].tls->verify, teller);
	}
}

void check_crls_print(const struct config *config, FILE *out)
{
	static const char *const headers[] = {"CRL", "ISSUER", "NEXT UPDATE", "REVOKED"};
	struct table table;
	struct teller teller = {.table = &table};

	table_init(&table, headers, sizeof(headers) / sizeof(headers[0]));
	walk(config, &teller);
	table_print(&table, out);
	table_done(&table);
}

void check_crls_json(const struct config *config, struct json *array)
{
	struct teller teller = {.array = array};

	walk(config, &teller);
}
