// SPDX-License-Identifier: Apache-2.0
/*
 * sluice pki: a whole small PKI, good clients and bad ones, for trying things out.
 */
#include "cli/cli.h"
#include "cli/pki_store.h"
#include "sys/json.h"
#include "sys/tls_pki.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY_SECONDS ((time_t)24 * 60 * 60)
#define DAYS_MAX    36500
#define BACKDATE    ((time_t)60 * 60) /* for machines whose clocks differ a little */

struct options {
	struct pki_store store;
	bool json;
	enum tls_pki_key key;
	long days;
	const char *client, *server; /* add this one instead of making the set */
	const char *crl;	     /* of this CA, instead of making the set */
	const char *revoke[TLS_PKI_NAMES_MAX];
	const char *cn;
	const char *dns[TLS_PKI_NAMES_MAX], *uri[TLS_PKI_NAMES_MAX], *ip[TLS_PKI_NAMES_MAX];
};

struct names {
	const char *cn, *dns, *uri;
};

static const struct names names_ca = {.cn = "sluice test root CA"};
static const struct names names_sub_ca = {.cn = "sluice test sub-CA"};
static const struct names names_other_ca = {.cn = "some other root CA"};
static const struct names names_server = {.cn = "localhost", .dns = "localhost"};
static const struct names names_a = {"client-a", "client-a.example",
				     "spiffe://sluice.example/client-a"};
static const struct names names_b = {"client-b", "client-b.example",
				     "spiffe://sluice.example/client-b"};

/** One certificate of the set. */
struct member {
	const char *name; /* of the files */
	const struct names *names;
	const char *issuer; /* member that signs; NULL: itself */
	enum tls_pki_usage usage;
	bool expired;
	const char *about;
};

/* Issuers come before what they sign. */
static const struct member members[] = {
	{"ca", &names_ca, NULL, TLS_PKI_ROOT_CA, false, "trust anchor of both sides"},
	{"sub-ca", &names_sub_ca, "ca", TLS_PKI_SUB_CA, false, "signs server and clients"},
	{"server", &names_server, "sub-ca", TLS_PKI_SERVER, false, "localhost, 127.0.0.1, ::1"},
	{"client-a", &names_a, "sub-ca", TLS_PKI_CLIENT, false, "good client"},
	{"client-b", &names_b, "sub-ca", TLS_PKI_CLIENT, false, "good client, other name"},
	{"client-expired", &names_a, "sub-ca", TLS_PKI_CLIENT, true,
	 "client-a, but expired yesterday"},
	{"client-wrong-purpose", &names_a, "sub-ca", TLS_PKI_SERVER, false,
	 "client-a, but for TLS servers only"},
	{"other-ca", &names_other_ca, NULL, TLS_PKI_ROOT_CA, false, "a CA that nobody trusts"},
	{"other-client-a", &names_a, "other-ca", TLS_PKI_CLIENT, false,
	 "client-a's names, signed by other-ca"},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

/* --- certificates --- */

struct period {
	time_t from, until;
};

static struct period period_of(long days, bool expired)
{
	time_t now = time(NULL);

	return (struct period){
		.from = expired ? now - 30 * DAY_SECONDS : now - BACKDATE,
		.until = expired ? now - DAY_SECONDS : now + days * DAY_SECONDS,
	};
}

static void set_times(struct tls_pki_request *request, long days, bool expired)
{
	struct period period = period_of(days, expired);

	request->not_before = period.from;
	request->not_after = period.until;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (n < TLS_PKI_NAMES_MAX && list[n])
		n++;
	return n;
}

static void append(const char **list, const char *const *more)
{
	size_t n = count(list);

	for (size_t i = 0; more[i] && n < TLS_PKI_NAMES_MAX; i++)
		list[n++] = more[i];
}

static struct tls_pki_request request_for(const struct options *options, const struct member *m)
{
	static const char *const addresses[] = {"127.0.0.1", "::1", NULL};
	struct tls_pki_request request = {
		.cn = m->names->cn,
		.dns = {m->names->dns},
		.uri = {m->names->uri},
		.usage = m->usage,
		.key = options->key,
	};

	if (strcmp(m->name, "server") == 0) {
		append(request.ip, addresses);
		append(request.dns, options->dns);
		append(request.uri, options->uri);
		append(request.ip, options->ip);
	}
	set_times(&request, options->days, m->expired);
	return request;
}

static int issue_failed(struct pki_store *store, const char *name, int error)
{
	snprintf(store->problem, sizeof(store->problem), "cannot make the certificate %s: %s", name,
		 error == -EINVAL ? "a name in it is empty, too long or no address"
				  : strerror(-error));
	return error;
}

static size_t member_index(const char *name)
{
	size_t i = 0;

	while (strcmp(members[i].name, name) != 0)
		i++;
	return i;
}

static int make_set(struct options *options, struct tls_pki_entity **made)
{
	int r;

	for (size_t i = 0; i < N_MEMBERS; i++) {
		const struct member *m = &members[i];
		struct tls_pki_request request = request_for(options, m);
		const struct tls_pki_entity *issuer =
			m->issuer ? made[member_index(m->issuer)] : NULL;
		bool chain = m->issuer && strcmp(m->issuer, "sub-ca") == 0;

		r = tls_pki_issue(&request, issuer, &made[i]);
		if (r < 0)
			return issue_failed(&options->store, m->name, r);
		r = pki_store_put(&options->store, m->name, made[i], chain ? issuer : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_crl(struct options *options, const char *ca)
{
	struct period period = period_of(labs(options->days), options->days < 0);

	return pki_store_put_crl(&options->store, ca, options->revoke, count(options->revoke),
				 period.from, period.until);
}

static int write_set(struct options *options)
{
	struct tls_pki_entity *made[N_MEMBERS] = {};
	int r = pki_store_prepare(&options->store);

	for (size_t i = 0; r == 0 && i < N_MEMBERS; i++)
		r = pki_store_check_free(&options->store, members[i].name);
	if (r == 0)
		r = make_set(options, made);
	if (r == 0)
		r = write_crl(options, "ca");
	if (r == 0)
		r = write_crl(options, "sub-ca");
	for (size_t i = 0; i < N_MEMBERS; i++)
		tls_pki_free(made[i]);
	return r;
}

static int write_one(struct options *options)
{
	const char *name = options->client ? options->client : options->server;
	struct tls_pki_entity _cleanup_pki_entity_ *issuer = NULL;
	struct tls_pki_entity _cleanup_pki_entity_ *entity = NULL;
	struct tls_pki_request request = {
		.cn = options->cn ? options->cn : name,
		.usage = options->client ? TLS_PKI_CLIENT : TLS_PKI_SERVER,
		.key = options->key,
	};
	int r = pki_store_check_free(&options->store, name);

	if (r == 0)
		r = pki_store_get(&options->store, "sub-ca", &issuer);
	if (r < 0)
		return r;
	append(request.dns, options->dns);
	append(request.uri, options->uri);
	append(request.ip, options->ip);
	set_times(&request, labs(options->days), options->days < 0);
	r = tls_pki_issue(&request, issuer, &entity);
	if (r < 0)
		return issue_failed(&options->store, name, r);
	return pki_store_put(&options->store, name, entity, issuer);
}

/* --- output --- */

static void describe(struct json *array, const struct options *options, const char *name,
		     const char *cn, const char *about)
{
	struct json *object = json_append_object(array);
	char path[4096];

	json_add_str(object, "name", name);
	json_add_str(object, "cn", cn);
	json_add_str(object, "about", about);
	snprintf(path, sizeof(path), "%s/%s.pem", options->store.dir, name);
	json_add_str(object, "certificate", path);
	snprintf(path, sizeof(path), "%s/%s.key", options->store.dir, name);
	json_add_str(object, "key", path);
}

static void describe_crl(struct json *root, const struct options *options)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.crl", options->store.dir, options->crl);
	json_add_str(root, "crl", path);
	json_add_u64(root, "revoked", count(options->revoke));
}

static int print_json(const struct options *options, const char *one)
{
	struct json _cleanup_json_ *root = json_new_object();
	struct json *array = json_add_array(root, "entries");

	json_add_str(root, "dir", options->store.dir);
	json_add_str(root, "key_type", tls_pki_key_name(options->key));
	if (options->crl)
		describe_crl(root, options);
	else if (one)
		describe(array, options, one, options->cn ? options->cn : one, "");
	for (size_t i = 0; !one && i < N_MEMBERS; i++)
		describe(array, options, members[i].name, members[i].names->cn, members[i].about);
	return json_write_fd(root, STDOUT_FILENO, JSON_INDENTED) == 0 ? CLI_OK : CLI_NO;
}

static int print_text(const struct options *options, const char *one)
{
	if (options->crl)
		printf("%s/%s.crl\n", options->store.dir, one);
	else if (one)
		printf("%s/%s.pem and .key\n", options->store.dir, one);
	if (!one)
		printf("%s/, each NAME.pem with NAME.key (%s):\n", options->store.dir,
		       tls_pki_key_name(options->key));
	for (size_t i = 0; !one && i < N_MEMBERS; i++)
		printf("  %-20s  %s\n", members[i].name, members[i].about);
	return fflush(stdout) == 0 ? CLI_OK : CLI_NO;
}

/* --- command line --- */

enum {
	OPTION_FORCE = 256,
	OPTION_JSON,
	OPTION_KEY,
	OPTION_DAYS,
	OPTION_CLIENT,
	OPTION_SERVER,
	OPTION_CN,
	OPTION_DNS,
	OPTION_URI,
	OPTION_IP,
	OPTION_CRL,
	OPTION_REVOKE,
};

static const struct option long_options[] = {
	{"output", required_argument, NULL, 'o'},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"json", no_argument, NULL, OPTION_JSON},
	{"key", required_argument, NULL, OPTION_KEY},
	{"days", required_argument, NULL, OPTION_DAYS},
	{"client", required_argument, NULL, OPTION_CLIENT},
	{"server", required_argument, NULL, OPTION_SERVER},
	{"cn", required_argument, NULL, OPTION_CN},
	{"dns", required_argument, NULL, OPTION_DNS},
	{"uri", required_argument, NULL, OPTION_URI},
	{"ip", required_argument, NULL, OPTION_IP},
	{"crl", required_argument, NULL, OPTION_CRL},
	{"revoke", required_argument, NULL, OPTION_REVOKE},
	{},
};

/* Room is left for the names that every server gets. */
static int add_name(const char **list, const char *name)
{
	size_t n = count(list);

	if (n >= TLS_PKI_NAMES_MAX - 4)
		return cli_usage(&command_pki, "at most %d names of a kind", TLS_PKI_NAMES_MAX - 4);
	list[n] = name;
	return CLI_OK;
}

static int set_days(struct options *options, const char *text)
{
	char *end;

	options->days = strtol(text, &end, 10);
	if (*end || end == text || labs(options->days) > DAYS_MAX || options->days == 0)
		return cli_usage(&command_pki, "--days: a number from 1 to %d", DAYS_MAX);
	return CLI_OK;
}

static int set_option(struct options *options, int option)
{
	switch (option) {
	case 'o':
		options->store.dir = optarg;
		return CLI_OK;
	case OPTION_FORCE:
		options->store.overwrite = true;
		return CLI_OK;
	case OPTION_JSON:
		options->json = true;
		return CLI_OK;
	case OPTION_KEY:
		if (tls_pki_key_parse(optarg, &options->key))
			return CLI_OK;
		return cli_usage(&command_pki, "--key: rsa, ecdsa-p256, ecdsa-p384 or ed25519");
	case OPTION_DAYS:
		return set_days(options, optarg);
	case OPTION_CLIENT:
		options->client = optarg;
		return CLI_OK;
	case OPTION_SERVER:
		options->server = optarg;
		return CLI_OK;
	case OPTION_CN:
		options->cn = optarg;
		return CLI_OK;
	case OPTION_DNS:
		return add_name(options->dns, optarg);
	case OPTION_URI:
		return add_name(options->uri, optarg);
	case OPTION_IP:
		return add_name(options->ip, optarg);
	case OPTION_CRL:
		options->crl = optarg;
		return CLI_OK;
	case OPTION_REVOKE:
		return add_name(options->revoke, optarg);
	default:
		return cli_usage(&command_pki, "unknown option or missing value");
	}
}

static int check_options(const struct options *options, const char *one)
{
	if (!options->store.dir)
		return cli_usage(&command_pki, "a directory is needed: -o DIR");
	if ((options->client != NULL) + (options->server != NULL) + (options->crl != NULL) > 1)
		return cli_usage(&command_pki, "one of --client, --server and --crl");
	for (size_t i = 0; i < count(options->revoke); i++) {
		if (!pki_store_name_ok(options->revoke[i]))
			return cli_usage(&command_pki, "'%s' is no name for a file",
					 options->revoke[i]);
	}
	if (options->revoke[0] && !options->crl)
		return cli_usage(&command_pki, "--revoke needs --crl CA");
	if (one && !pki_store_name_ok(one))
		return cli_usage(&command_pki, "'%s' is no name for a file", one);
	if (!one && options->cn)
		return cli_usage(&command_pki, "--cn needs --client or --server");
	if (!one && options->days < 0)
		return cli_usage(&command_pki, "--days below 0 needs --client, --server or --crl");
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	struct options options = {.days = 30, .key = TLS_PKI_ECDSA_P256};
	const char *one;
	int option, r;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) != -1) {
		r = set_option(&options, option);
		if (r != CLI_OK)
			return r;
	}
	if (optind < argc)
		return cli_usage(&command_pki, "unexpected argument: %s", argv[optind]);
	one = options.crl ? options.crl : options.client ? options.client : options.server;
	r = check_options(&options, one);
	if (r != CLI_OK)
		return r;
	if (options.crl)
		r = write_crl(&options, options.crl);
	else
		r = one ? write_one(&options) : write_set(&options);
	if (r < 0) {
		fprintf(stderr, "sluice pki: %s\n", options.store.problem);
		return CLI_NO;
	}
	return options.json ? print_json(&options, one) : print_text(&options, one);
}

const struct command command_pki = {
	.name = "pki",
	.summary = "make a throw-away CA and certificates",
	.help = "Usage: sluice pki -o DIR [OPTIONS]\n"
		"       sluice pki -o DIR --client NAME | --server NAME [OPTIONS]\n"
		"       sluice pki -o DIR --crl CA [--revoke NAME]... [--days N]\n"
		"\n"
		"The first form fills DIR with a PKI for trying sluice out; each entry is NAME.pem\n"
		"(the certificate, then its sub-CA) and NAME.key (mode 0600):\n"
		"\n"
		"  ca                    root CA: give ca.pem to clients and as client_ca\n"
		"  sub-ca                signs server and clients\n"
		"  server                localhost, 127.0.0.1 and ::1\n"
		"  client-a, client-b    good clients; also dns NAME.example and\n"
		"                        uri spiffe://sluice.example/NAME\n"
		"  client-expired        client-a, but expired yesterday\n"
		"  client-wrong-purpose  client-a, but for TLS servers only\n"
		"  other-ca              a root CA that nobody trusts\n"
		"  other-client-a        client-a's names, signed by other-ca\n"
		"\n"
		"and ca.crl and sub-ca.crl, in which nobody is revoked.\n"
		"\n"
		"The second form adds one certificate, signed by the sub-CA in DIR. The third makes\n"
		"CA.crl anew, the list of those whose certificates hold no more.\n"
		"\n"
		"  -o, --output DIR   the directory; made when it is missing\n"
		"  --client NAME      add a client: NAME.pem and NAME.key\n"
		"  --server NAME      add a server: NAME.pem and NAME.key\n"
		"  --cn TEXT          common name of the added certificate; default NAME\n"
		"  --dns NAME         DNS name; may be repeated, as --uri and --ip. Without --client\n"
		"  --uri URI          or --server they are added to the names of `server`\n"
		"  --ip ADDRESS\n"
		"  --crl CA           make CA.crl anew: ca or sub-ca\n"
		"  --revoke NAME      put the certificate NAME.pem on it; may be repeated\n"
		"  --key TYPE         ecdsa-p256 (default), ecdsa-p384, ed25519 or rsa (2048 bits)\n"
		"  --days N           valid for N days, default 30; below 0: expired yesterday\n"
		"  --force            replace files that exist; default is to refuse\n"
		"  --json             print what was made for programs\n"
		"\n"
		"The keys are not encrypted and nobody keeps a list: not for production.\n"
		"\n"
		"Exit codes: 0 done, 1 failed, 2 usage.\n"
		"\n"
		"Example: sluice pki -o pki && sluice pki -o pki --client carol --cn carol.example\n",
	.run = run,
};
