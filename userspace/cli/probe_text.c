// SPDX-License-Identifier: Apache-2.0
#include "cli/probe.h"

#include "cli/probe_advice.h"

#include <errno.h>
#include <string.h>

#define LABEL "%-17s"

static const char *why(const struct feature *f)
{
	if (f->error == -ENOENT)
		return "not there";
	return f->error == -EBUSY ? "this kernel has no second keys (6.14 does)"
				  : strerror(-f->error);
}

/* "yes", or "no: Operation not permitted", or "not tried". */
static void print_feature(FILE *out, const char *label, const struct feature *f, const char *note)
{
	fprintf(out, LABEL, label);
	if (f->state == FEATURE_WORKS)
		fprintf(out, "yes%s\n", note);
	else if (f->state == FEATURE_FAILS)
		fprintf(out, "no: %s\n", why(f));
	else
		fprintf(out, "not tried\n");
}

static const char *directions(const struct feature tls[FEATURE_N_DIRECTIONS])
{
	bool tx = tls[FEATURE_TX].state == FEATURE_WORKS;
	bool rx = tls[FEATURE_RX].state == FEATURE_WORKS;

	if (tx && rx)
		return "tx rx";
	if (tx)
		return "tx only";
	return rx ? "rx only" : "no";
}

static void print_kernel_tls(FILE *out, const struct feature_set *set)
{
	print_feature(out, "kernel TLS", &set->ulp,
		      set->ulp_loaded_by_probe ? " (this probe loaded the tls module)" : "");
	if (set->ulp.state != FEATURE_WORKS)
		return;
	for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++)
		fprintf(out, "  %-17s  TLS 1.3 %-8s  TLS 1.2 %s\n",
			ktls_cipher_name((enum ktls_cipher)c),
			directions(set->tls[FEATURE_TLS_1_3][c]),
			directions(set->tls[FEATURE_TLS_1_2][c]));
	print_feature(out, "  rekey", &set->rekey, "");
	print_feature(out, "  no-pad read", &set->expect_no_pad, "");
	print_feature(out, "  zerocopy send", &set->zerocopy, "");
}

static void print_faults(FILE *out, const struct feature_set *set)
{
	for (size_t i = 0; i < KERNEL_N_FAULTS; i++)
		fprintf(out, LABEL "%s (%s)\n", i == 0 ? "known faults" : "",
			probe_verdict_name(set->faults[i]), kernel_fault(i)->name);
}

static void print_nics(FILE *out, const struct feature_set *set)
{
	if (set->nics_known.state == FEATURE_FAILS)
		fprintf(out, LABEL "unknown: %s\n", "NIC offload",
			strerror(-set->nics_known.error));
	else if (set->n_nics == 0)
		fprintf(out, LABEL "no network card\n", "NIC offload");
	for (size_t i = 0; i < set->n_nics; i++) {
		const struct netlink_nic *nic = &set->nics[i];

		fprintf(out, LABEL "%-15s ", i == 0 ? "NIC offload" : "", nic->name);
		if (nic->tls_tx == NETLINK_FEATURE_ABSENT && nic->tls_rx == NETLINK_FEATURE_ABSENT)
			fprintf(out, "no TLS offload\n");
		else
			fprintf(out, "tls-hw-tx-offload %s, tls-hw-rx-offload %s\n",
				probe_nic_name(nic->tls_tx), probe_nic_name(nic->tls_rx));
	}
}

static void print_host(FILE *out, const struct feature_set *set)
{
	fprintf(out, LABEL "%u.%u.%u (%s)\n", "kernel", set->kernel.major, set->kernel.minor,
		set->kernel.patch, set->kernel_release);
	fprintf(out, LABEL "%s\n", "OpenSSL", set->tls_library);
	fprintf(out, LABEL "aes %s, vaes %s, avx512 %s\n", "CPU", set->cpu_aes ? "yes" : "no",
		set->cpu_vaes ? "yes" : "no", set->cpu_avx512 ? "yes" : "no");
	fprintf(out, LABEL "%s\n", "gcm(aes)",
		set->gcm_driver[0] ? set->gcm_driver : "not listed (nobody has used it yet)");
}

static void print_limits(FILE *out, const struct feature_set *set)
{
	fprintf(out, LABEL "pipe-max-size %llu KiB, pipe-user-pages-soft %llu pages, memlock ",
		"limits", (unsigned long long)(set->pipe_max_bytes >> 10),
		(unsigned long long)set->pipe_user_pages_soft);
	if (set->memlock_bytes == UINT64_MAX)
		fprintf(out, "unlimited\n");
	else
		fprintf(out, "%llu KiB\n", (unsigned long long)(set->memlock_bytes >> 10));
}

static void print_sentences(FILE *out, const char *title, const struct probe_sentences *s)
{
	if (s->n == 0)
		return;
	fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < s->n; i++)
		fprintf(out, "  - %s\n", s->text[i]);
}

void probe_print_text(const struct feature_set *set, FILE *out)
{
	struct probe_sentences sentences;

	print_host(out, set);
	print_kernel_tls(out, set);
	print_feature(out, "sock_diag", &set->sock_diag,
		      set->diag_ulp.state == FEATURE_WORKS ? ", with the TLS state" : "");
	print_feature(out, "tls_stat", &set->tls_stat, "");
	print_feature(out, "BPF load", &set->bpf, "");
	print_feature(out, "BPF sockmap", &set->sockmap, " (not used by this version)");
	print_nics(out, set);
	print_limits(out, set);
	print_faults(out, set);
	probe_will_use(set, &sentences);
	print_sentences(out, "sluice will use", &sentences);
	probe_actions(set, &sentences);
	print_sentences(out, "what to do", &sentences);
}
