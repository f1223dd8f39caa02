/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger or a file sends us and we read ourselves, one target per file:
 *
 *	answer.c       the request of a client that is refused in HTTP
 *	bundle.c       a memfd that another process may have damaged
 *	chain.c        the certificates that a peer shows, verified
 *	clienthello.c  the first bytes of a TLS client, read for its server name
 *	config.c       text of the configuration, up to the checked one; no file is opened
 *	crl.c          a file of CRLs
 *	identity.c     a peer's certificate, and the decision about its names
 *	log.c          a peer's texts in a log line
 *	proxy_header.c who a proxy says that its client is
 *
 * A target is LLVMFuzzerTestOneInput(). libFuzzer drives it in `make fuzz`; replay.c drives it with
 * the files of corpus/TARGET in `make check`. What must hold is said with MUST_HOLD().
 */
#ifndef SELFTESTS_FUZZ_FUZZ_H
#define SELFTESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST_HOLD(cond)                                                                            \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* libFuzzer's names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
