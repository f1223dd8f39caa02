/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first message of a TLS client, read for one thing: which name it asks for (SNI).
 *
 * What is read here decides where bytes go that somebody else reads again. So whatever leaves room
 * for two opinions is malformed: lengths that do not add up, a second server_name, a name of
 * another type than host_name, bytes that no host's name has.
 *
 * The message may be spread over any number of records (RFC 8446 5.1), and their legacy version
 * means nothing but "TLS".
 */
#ifndef SLUICE_MODEL_CLIENTHELLO_H
#define SLUICE_MODEL_CLIENTHELLO_H

#include <stddef.h>
#include <stdint.h>

/* The message with its header. Real ones have 200 to 2000 bytes; nginx and HAProxy take as much. */
#define CLIENTHELLO_BYTES_MAX 16384
/*
 * The same with the headers of its records. A socket whose reader only peeks keeps 64 KiB at least
 * by default, so a message that is within this limit can always become complete.
 */
#define CLIENTHELLO_WIRE_MAX (2 * CLIENTHELLO_BYTES_MAX)

#define CLIENTHELLO_SNI_MAX 255

enum clienthello_result {
	CLIENTHELLO_MORE, /* what is there is right, and not all of it */
	CLIENTHELLO_BAD,  /* no TLS, malformed, or above a limit: nothing that follows helps */
	CLIENTHELLO_DONE,
};

struct clienthello {
	char sni[CLIENTHELLO_SNI_MAX + 1]; /* DONE: printable ASCII, no final dot; "": none */
	const char *problem;		   /* BAD: in words; static text */
};

/**
 * clienthello_parse() - @bytes: everything that the client has sent so far, from the first byte on;
 * what comes behind the message is not looked at.
 */
enum clienthello_result clienthello_parse(const void *bytes, size_t len,
					  struct clienthello *ret_hello);

#endif
