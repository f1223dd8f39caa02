// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_advice.h"

#include "cli/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static void say(struct probe_sentences *s, const char *format,
						      ...)
{
	va_list args;

	if (s->n == PROBE_SENTENCES)
		return;
	va_start(args, format);
	(void)vsnprintf(s->text[s->n++], PROBE_SENTENCE_MAX, format, args);
	va_end(args);
}

const char *probe_state_name(enum feature_state state)
{
	static const char *const names[] = {"untried", "works", "fails"};

	return names[state];
}

const char *probe_verdict_name(enum kernel_verdict verdict)
{
	static const char *const names[] = {"not affected", "fixed", "affected", "unknown"};

	return names[verdict];
}

const char *probe_nic_name(enum netlink_feature feature)
{
	static const char *const names[] = {"off", "on", "absent"};

	return names[feature];
}

static void use_version(const struct feature_set *set, enum feature_version v, const char *name,
			struct probe_sentences *uses)
{
	char list[128] = "";
	size_t len = 0, working = 0;

	for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++) {
		if (set->tls[v][c][FEATURE_TX].state != FEATURE_WORKS ||
		    set->tls[v][c][FEATURE_RX].state != FEATURE_WORKS)
			continue;
		working++;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
					ktls_cipher_name((enum ktls_cipher)c));
	}
	if (working == KTLS_N_CIPHERS)
		say(uses, "TLS %s: splice engine, the kernel decrypts and encrypts (%s)", name,
		    list);
	else if (working > 0)
		say(uses, "TLS %s: splice engine for %s; copy engine in userspace for the rest",
		    name, list);
	else
		say(uses, "TLS %s: copy engine, userspace decrypts and encrypts (OpenSSL)", name);
}

void probe_will_use(const struct feature_set *set, struct probe_sentences *ret_uses)
{
	ret_uses->n = 0;
	use_version(set, FEATURE_TLS_1_3, "1.3", ret_uses);
	use_version(set, FEATURE_TLS_1_2, "1.2", ret_uses);
	if (!probe_usable(set)) {
		say(ret_uses, "offload: auto serves everything in userspace; offload: require "
			      "refuses every connection");
		return;
	}
	say(ret_uses, "key update: %s",
	    set->rekey.state == FEATURE_WORKS
		    ? "a TLS 1.3 peer may change its keys, the kernel follows"
		    : "a TLS 1.3 peer that changes its keys ends its session in the kernel, with its "
		      "own close reason (kernel 6.14 can follow)");
	say(ret_uses, "proof: %s",
	    set->diag_ulp.state == FEATURE_WORKS
		    ? "'sluice status' shows the kernel's view of every session (sock_diag)"
		    : "none per session, sock_diag does not show the TLS state to this user");
}

static void act_on_ulp(const struct feature_set *set, struct probe_sentences *actions)
{
	if (set->loopback.state == FEATURE_FAILS) {
		say(actions,
		    "no TCP connection over loopback (%s), so nothing could be tried: bring "
		    "it up with 'ip link set lo up'",
		    strerror(-set->loopback.error));
		return;
	}
	if (set->ulp.state != FEATURE_FAILS)
		return;
	if (set->ulp.error == -ENOENT && geteuid() != 0)
		say(actions,
		    "the tls module is not loaded and only root may load it: run 'modprobe "
		    "tls' as root, or this probe as root, to see whether the kernel has it");
	else if (set->ulp.error == -ENOENT)
		say(actions,
		    "this kernel has no tls module (CONFIG_TLS): try 'modprobe tls' on the "
		    "host, or boot a distribution kernel; a container cannot add it");
	else
		say(actions, "kernel TLS cannot be switched on: %s", strerror(-set->ulp.error));
}

static void act_on_ciphers(const struct feature_set *set, struct probe_sentences *actions)
{
	static const char *const names[] = {"1.2", "1.3"};

	for (unsigned int v = 0; v < FEATURE_N_VERSIONS; v++) {
		for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++) {
			const struct feature *tx = &set->tls[v][c][FEATURE_TX];
			const struct feature *rx = &set->tls[v][c][FEATURE_RX];

			if (tx->state != FEATURE_FAILS && rx->state != FEATURE_FAILS)
				continue;
			say(actions, "TLS %s %s fails (%s): its sessions stay in userspace",
			    names[v], ktls_cipher_name((enum ktls_cipher)c),
			    strerror(tx->error ? -tx->error : -rx->error));
		}
	}
}

static void act_on_proof(const struct feature_set *set, struct probe_sentences *actions)
{
	if (set->sock_diag.state == FEATURE_FAILS)
		say(actions,
		    "no sock_diag for TCP (%s): run 'modprobe tcp_diag' on the host, "
		    "'sluice status' needs it to prove what the kernel does",
		    strerror(-set->sock_diag.error));
	else if (set->diag_ulp.state == FEATURE_FAILS)
		say(actions,
		    "sock_diag hides the TLS state: start sluice with CAP_NET_ADMIN for the "
		    "kernel's proof in 'sluice status'");
}

static void act_on_faults(const struct feature_set *set, struct probe_sentences *actions)
{
	if (set->ulp.state != FEATURE_WORKS)
		return;
	for (size_t i = 0; i < KERNEL_N_FAULTS; i++) {
		const struct kernel_fault *fault = kernel_fault(i);

		if (set->faults[i] == KERNEL_AFFECTED)
			say(actions, "%s: %s; update the kernel (fixed in %s)", fault->name,
			    fault->what, fault->fixed);
		else if (set->faults[i] == KERNEL_UNKNOWN && i != KERNEL_FAULT_SOCKMAP)
			say(actions,
			    "%s: the version does not tell whether this kernel has it; ask "
			    "your distribution (fixed upstream in %s)",
			    fault->name, fault->fixed);
	}
}

void probe_actions(const struct feature_set *set, struct probe_sentences *ret_actions)
{
	ret_actions->n = 0;
	act_on_ulp(set, ret_actions);
	act_on_ciphers(set, ret_actions);
	act_on_proof(set, ret_actions);
	act_on_faults(set, ret_actions);
}
