// SPDX-License-Identifier: Apache-2.0
#include "daemon/confload_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WORKERS_MAX 1024

static void load_timeouts(struct confload *load)
{
	static const struct confile_timeouts none;
	static const struct confload_range handshake = {10 * SECOND_MS, 1, 10 * MINUTE_MS,
							"1ms to 10m"};
	static const struct confload_range connect = {5 * SECOND_MS, 1, 10 * MINUTE_MS,
						      "1ms to 10m"};
	static const struct confload_range idle = {HOUR_MS, 0, 720 * HOUR_MS,
						   "up to 720h; 0 is no limit"};
	static const struct confload_range half_closed = {
		0, 0, 720 * HOUR_MS, "up to 720h; 0 leaves it to timeouts.idle"};
	/* At 1h its half still fits in TCP_KEEPIDLE. */
	static const struct confload_range unacked = {15 * MINUTE_MS, 0, HOUR_MS,
						      "up to 1h; 0 leaves it to the kernel"};
	static const struct confload_range drain = {30 * SECOND_MS, 0, 24 * HOUR_MS,
						    "up to 24h; 0 cuts at once"};
	const struct confile_timeouts *from = load->root->timeouts ? load->root->timeouts : &none;
	struct config_timeouts *to = &load->config->timeouts;

	to->handshake_ms = confload_duration(load, &(struct confload_field){"timeouts.handshake"},
					     from->handshake, &handshake);
	to->connect_ms = confload_duration(load, &(struct confload_field){"timeouts.connect"},
					   from->connect, &connect);
	to->idle_ms = confload_duration(load, &(struct confload_field){"timeouts.idle"}, from->idle,
					&idle);
	to->half_closed_ms =
		confload_duration(load, &(struct confload_field){"timeouts.half_closed"},
				  from->half_closed, &half_closed);
	to->unacked_ms = confload_duration(load, &(struct confload_field){"timeouts.unacked"},
					   from->unacked, &unacked);
	to->drain_ms = confload_duration(load, &(struct confload_field){"timeouts.drain"},
					 from->drain, &drain);
}

static void load_session(struct confload *load)
{
	static const struct confile_session none;
	static const struct confload_range max_age = {0, 0, 8760 * HOUR_MS,
						      "up to 8760h; 0 is no limit"};
	const struct confile_session *from = load->root->session ? load->root->session : &none;

	load->config->session.max_age_ms = confload_duration(
		load, &(struct confload_field){"session.max_age"}, from->max_age, &max_age);
	load->config->session.end_with_certificate =
		confload_bool(load, &(struct confload_field){"session.end_with_certificate"},
			      from->end_with_certificate);
}

static void load_limits(struct confload *load)
{
	static const struct confile_limits none;
	static const struct confload_range connections = {10000, 1, 1000000,
							  "1 to 1000000 per worker"};
	static const struct confload_range handshakes = {1000, 1, 1000000,
							 "1 to 1000000 per worker"};
	static const struct confload_range records = {UINT64_C(1) << 24, 64, UINT64_C(1) << 24,
						      "64 to 16777216"};
	static const struct confload_range updates = {100, 1, 1000, "1 to 1000 a second"};
	const struct confile_limits *from = load->root->limits ? load->root->limits : &none;
	struct config_limits *to = &load->config->limits;

	to->connections = confload_number(load, &(struct confload_field){"limits.connections"},
					  from->connections, &connections);
	to->handshakes = confload_number(load, &(struct confload_field){"limits.handshakes"},
					 from->handshakes, &handshakes);
	to->records_per_key =
		confload_number(load, &(struct confload_field){"limits.records_per_key"},
				from->records_per_key, &records);
	to->key_updates = confload_number(load, &(struct confload_field){"limits.key_updates"},
					  from->key_updates, &updates);
}

static void load_admin(struct confload *load)
{
	const struct confload_field field = confload_field("admin.listen");

	if (!load->root->admin || !confload_need(load, &field, load->root->admin->listen,
						 "as in \"unix:/run/sluice/admin.sock\""))
		return;
	confload_addr(load, &field, load->root->admin->listen, &load->config->admin);
	/* It asks nobody for a certificate: the file's mode decides who may connect. */
	if (load->config->admin.len > 0 && !addr_is_unix(&load->config->admin))
		confload_mistake(load, &field, "write \"unix:/run/sluice/admin.sock\"",
				 "must be a unix socket");
}

static int load_process(struct confload *load)
{
	static const char *const formats[] = {"key-value", "json", NULL};
	static const enum config_log_format format_of[] = {CONFIG_LOG_KEY_VALUE, CONFIG_LOG_JSON};
	static const struct confload_range workers = {0, 1, WORKERS_MAX, "auto, or 1 to 1024"};
	const struct confload_field user = confload_field("user");
	const struct confload_field format = confload_field("log.format");
	const struct confile_root *root = load->root;

	if (root->log)
		load->config->log_format =
			format_of[confload_choice(load, &format, root->log->format, formats)];
	load->config->watch =
		!root->reload || !root->reload->watch ||
		confload_bool(load, &(struct confload_field){"reload.watch"}, root->reload->watch);
	if (root->workers && strcmp(root->workers, "auto") != 0)
		load->config->workers = confload_number(load, &(struct confload_field){"workers"},
							root->workers, &workers);
	if (!root->user)
		return 0;
	return confload_name(load, &user, root->user, &load->config->user);
}

/* --- */

static struct confload loader(const struct bundle *bundle, struct report *report,
			      struct config *config)
{
	return (struct confload){
		.bundle = bundle,
		.confile = bundle_confile(bundle),
		.root = confile_root(bundle_confile(bundle)),
		.report = report,
		.config = config,
	};
}

int confload_build(const struct bundle *bundle, struct report *report, struct config **ret_config)
{
	struct confload load = loader(bundle, report, calloc(1, sizeof(struct config)));
	int r;

	if (!load.config)
		return -ENOMEM;
	if (getrandom(load.hash_key, sizeof(load.hash_key), 0) != sizeof(load.hash_key)) {
		config_free(load.config);
		return -EIO;
	}
	load_timeouts(&load);
	load_session(&load);
	load_limits(&load);
	load_admin(&load);
	r = load_process(&load);
	if (r == 0)
		r = confload_upstreams(&load);
	if (r == 0)
		r = confload_listeners(&load);
	if (r == 0 && report->n_mistakes > 0)
		r = -EINVAL;
	if (r < 0) {
		config_free(load.config);
		return r;
	}
	*ret_config = load.config;
	return 0;
}

int confload_admin(const struct bundle *bundle, struct report *report, struct addr *ret_addr)
{
	struct config config = {};
	struct confload load = loader(bundle, report, &config);

	load_admin(&load);
	if (report_covers(report, "admin.listen"))
		return -EINVAL;
	if (config.admin.len == 0)
		return -ENOENT;
	*ret_addr = config.admin;
	return 0;
}

unsigned int confload_line(const struct bundle *bundle, const char *field)
{
	return confile_line(bundle_confile(bundle), field);
}
