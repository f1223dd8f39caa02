// SPDX-License-Identifier: Apache-2.0
#include "selftests/interop/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000
#define STOP_MS	 10000

void program_prepare(struct program *program)
{
	program->port = daemon_free_port();
	MUST(program->port > 0);
}

/* A connection to find out would be one that is handed on. */
static bool listens(unsigned int port)
{
	FILE *table = fopen("/proc/net/tcp", "re");
	char line[256];
	bool found = false;

	MUST(table);
	while (!found && fgets(line, sizeof(line), table)) {
		unsigned int at, state;

		/* 0A is LISTEN. */
		found = sscanf(line, " %*u: %*8x:%4x %*8x:%*4x %2x", &at, &state) ==
				2 && /* NOLINT */
			at == port &&
			state == 0x0a;
	}
	MUST_EQ(fclose(table), 0);
	return found;
}

static bool has_ended(const struct program *program)
{
	return waitpid(program->pid, NULL, WNOHANG) == program->pid;
}

void program_log(const struct e2e *e)
{
	FILE *log = fopen(e2e_path(e, "program.log"), "re");
	char line[512];

	while (log && fgets(line, sizeof(line), log))
		(void)fprintf(stderr, "program: %s", line);
	if (log)
		(void)fclose(log);
}

void program_start(struct e2e *e, struct program *program, char *const *argv)
{
	const char *path = e2e_path(e, "program.log");
	bool ended = false, started;

	program->pid = MUST_OK(fork());
	if (program->pid == 0) {
		int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);

		if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(126);
		execvp(argv[0], argv);
		_exit(127);
	}
	started = UNTIL(listens(program->port) || (ended = has_ended(program)), START_MS) && !ended;
	if (!started)
		program_log(e);
	MUST(started, "%s does not start", argv[0]);
}

void program_stop(struct e2e *e, struct program *program)
{
	MUST_OK(kill(program->pid, SIGTERM));
	E2E_MUST(e, UNTIL(has_ended(program), STOP_MS));
}

struct addr program_address(const struct program *program)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;

	snprintf(text, sizeof(text), "127.0.0.1:%u", program->port);
	MUST_EQ(addr_parse(text, &addr), 0);
	return addr;
}
