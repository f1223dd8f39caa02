// SPDX-License-Identifier: Apache-2.0
/*
 * A process for every slot: what goes wrong in one, up to a crash, ends one conversation.
 */
#include "selftests/soak/soak.h"

#include "selftests/harness/harness.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any step may take without progress, times the ends of a conversation. */
#define PAUSE_MS 90000

static pid_t processes[SOAK_SLOTS_MAX];

/* --- in the process of a slot --- */

/* Returns: false when there is none any more. */
static bool take_index(struct soak_shared *shared, struct soak_slot *own)
{
	uint64_t index;

	/* Busy first, so that nobody who waits for a pause can miss it. */
	atomic_store(&own->busy, true);
	while (atomic_load(&shared->pause)) {
		atomic_store(&own->busy, false);
		test_pause();
		atomic_store(&own->busy, true);
	}
	index = atomic_load(&shared->stop) ? UINT64_MAX : atomic_fetch_add(&shared->next, 1);
	if (index < shared->end) {
		atomic_store(&own->index, index);
		return true;
	}
	atomic_store(&own->busy, false);
	return false;
}

static void hold_one(const struct soak *soak, unsigned int slot, uint64_t index)
{
	static struct conversation c;
	char problem[SOAK_PROBLEM_MAX] = "", headline[SOAK_PROBLEM_MAX + 64];
	in_port_t port = 0;

	conversation_draw(&c, index, &soak->features);
	if (soak->verbose) {
		snprintf(headline, sizeof(headline), "conversation %" PRIu64, index);
		conversation_print(soak, &c, headline, 0);
	}
	if (conversation_hold(soak, slot, &c, problem, &port) == 0) {
		atomic_fetch_add(&soak->shared->passed, 1);
		return;
	}
	snprintf(headline, sizeof(headline), "FAILED conversation %" PRIu64 ": %s", index, problem);
	conversation_print(soak, &c, headline, port);
	atomic_fetch_add(&soak->shared->failed, 1);
}

static _Noreturn void sit(const struct soak *soak, unsigned int slot)
{
	struct soak_slot *own = &soak->shared->slots[slot];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (take_index(soak->shared, own)) {
		hold_one(soak, slot, atomic_load(&own->index));
		atomic_store(&own->busy, false);
	}
	_exit(0);
}

/* --- in the soak's own --- */

static void seat(const struct soak *soak, unsigned int slot)
{
	(void)fflush(NULL);
	processes[slot] = MUST_OK(fork());
	if (processes[slot] == 0)
		sit(soak, slot);
}

void slots_start(struct soak *soak)
{
	for (unsigned int slot = 0; slot < soak->slots; slot++)
		seat(soak, slot);
}

static void count_dead(struct soak *soak, unsigned int slot, int status)
{
	struct soak_slot *dead = &soak->shared->slots[slot];
	static struct conversation c;
	char headline[96];

	snprintf(headline, sizeof(headline),
		 "FAILED conversation %" PRIu64 ": its process ended with status %#x", dead->index,
		 (unsigned int)status);
	conversation_draw(&c, dead->index, &soak->features);
	conversation_print(soak, &c, headline, 0);
	atomic_fetch_add(&soak->shared->failed, 1);
	atomic_store(&dead->busy, false);
}

void slots_mind(struct soak *soak)
{
	for (unsigned int slot = 0; slot < soak->slots; slot++) {
		int status = 0;

		if (processes[slot] <= 0 || waitpid(processes[slot], &status, WNOHANG) <= 0)
			continue;
		processes[slot] = 0;
		if (status == 0)
			continue;
		count_dead(soak, slot, status);
		seat(soak, slot);
	}
}

bool slots_idle(const struct soak *soak)
{
	for (unsigned int slot = 0; slot < soak->slots; slot++) {
		if (atomic_load(&soak->shared->slots[slot].busy))
			return false;
	}
	return true;
}

bool slots_is_through(const struct soak *soak)
{
	return atomic_load(&soak->shared->next) >= soak->shared->end && slots_idle(soak);
}

bool slots_pause(struct soak *soak)
{
	atomic_store(&soak->shared->pause, true);
	return UNTIL((slots_mind(soak), slots_idle(soak)), PAUSE_MS);
}

void slots_resume(struct soak *soak)
{
	atomic_store(&soak->shared->pause, false);
}

void slots_stop(struct soak *soak)
{
	atomic_store(&soak->shared->stop, true);
	slots_resume(soak);
	for (unsigned int slot = 0; slot < soak->slots; slot++) {
		if (processes[slot] <= 0)
			continue;
		/* One that hangs was counted by the pause before. */
		if (!UNTIL(waitpid(processes[slot], NULL, WNOHANG) != 0, 1000)) {
			(void)kill(processes[slot], SIGKILL);
			(void)waitpid(processes[slot], NULL, 0);
		}
	}
}
