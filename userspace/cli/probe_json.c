// SPDX-License-Identifier: Apache-2.0
#include "cli/probe.h"

#include "cli/probe_advice.h"
#include "sys/json.h"

#include <string.h>
#include <unistd.h>

static void add_feature(struct json *parent, const char *key, const struct feature *f)
{
	struct json *object = json_add_object(parent, key);

	json_add_str(object, "state", probe_state_name(f->state));
	if (f->error)
		json_add_str(object, "error", strerrorname_np(-f->error));
}

static void add_kernel(struct json *root, const struct feature_set *set)
{
	struct json *kernel = json_add_object(root, "kernel");
	struct json *faults;
	char version[40];

	(void)snprintf(version, sizeof(version), "%u.%u.%u", set->kernel.major, set->kernel.minor,
		       set->kernel.patch);
	json_add_str(kernel, "version", version);
	json_add_str(kernel, "release", set->kernel_release);
	json_add_str(kernel, "build", set->kernel_build);
	faults = json_add_object(kernel, "faults");
	for (size_t i = 0; i < KERNEL_N_FAULTS; i++)
		json_add_str(faults, kernel_fault(i)->name, probe_verdict_name(set->faults[i]));
}

static void add_kernel_tls(struct json *root, const struct feature_set *set)
{
	static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};
	struct json *tls = json_add_object(root, "kernel_tls");

	json_add_bool(tls, "usable", probe_usable(set));
	add_feature(tls, "ulp", &set->ulp);
	json_add_bool(tls, "module_loaded_by_probe", set->ulp_loaded_by_probe);
	for (unsigned int v = 0; v < FEATURE_N_VERSIONS; v++) {
		struct json *version = json_add_object(tls, versions[v]);

		for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++) {
			struct json *cipher =
				json_add_object(version, ktls_cipher_name((enum ktls_cipher)c));

			add_feature(cipher, "tx", &set->tls[v][c][FEATURE_TX]);
			add_feature(cipher, "rx", &set->tls[v][c][FEATURE_RX]);
		}
	}
	add_feature(tls, "rekey", &set->rekey);
	add_feature(tls, "rx_expect_no_pad", &set->expect_no_pad);
	add_feature(tls, "tx_zerocopy", &set->zerocopy);
	add_feature(tls, "with_sockmap", &set->sockmap_with_tls);
}

static void add_host(struct json *root, const struct feature_set *set)
{
	struct json *host = json_add_object(root, "host");
	struct json *nics;

	json_add_str(host, "openssl", set->tls_library);
	json_add_str(host, "gcm_driver", set->gcm_driver[0] ? set->gcm_driver : NULL);
	json_add_bool(host, "cpu_aes", set->cpu_aes);
	json_add_bool(host, "cpu_vaes", set->cpu_vaes);
	json_add_bool(host, "cpu_avx512", set->cpu_avx512);
	json_add_u64(host, "pipe_max_bytes", set->pipe_max_bytes);
	json_add_u64(host, "pipe_user_pages_soft", set->pipe_user_pages_soft);
	if (set->memlock_bytes == UINT64_MAX)
		json_add_null(host, "memlock_bytes");
	else
		json_add_u64(host, "memlock_bytes", set->memlock_bytes);
	nics = json_add_object(host, "nics");
	for (size_t i = 0; i < set->n_nics; i++) {
		struct json *nic = json_add_object(nics, set->nics[i].name);

		json_add_str(nic, "tls_tx", probe_nic_name(set->nics[i].tls_tx));
		json_add_str(nic, "tls_rx", probe_nic_name(set->nics[i].tls_rx));
		json_add_str(nic, "tls_record", probe_nic_name(set->nics[i].tls_record));
	}
}

static void add_sentences(struct json *root, const char *key, const struct probe_sentences *s)
{
	struct json *array = json_add_array(root, key);

	for (size_t i = 0; i < s->n; i++)
		json_append_str(array, s->text[i]);
}

int probe_print_json(const struct feature_set *set)
{
	struct json _cleanup_json_ *root = json_new_object();
	struct json *proof, *bpf;
	struct probe_sentences sentences;

	json_add_str(root, "version", SLUICE_VERSION);
	add_kernel(root, set);
	add_kernel_tls(root, set);
	proof = json_add_object(root, "proof");
	add_feature(proof, "sock_diag", &set->sock_diag);
	add_feature(proof, "sock_diag_ulp", &set->diag_ulp);
	add_feature(proof, "tls_stat", &set->tls_stat);
	bpf = json_add_object(root, "bpf");
	add_feature(bpf, "load", &set->bpf);
	add_feature(bpf, "sockmap", &set->sockmap);
	add_host(root, set);
	probe_will_use(set, &sentences);
	add_sentences(root, "will_use", &sentences);
	probe_actions(set, &sentences);
	add_sentences(root, "actions", &sentences);
	return json_write_fd(root, STDOUT_FILENO, JSON_INDENTED);
}
