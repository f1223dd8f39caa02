// SPDX-License-Identifier: Apache-2.0
/*
 * The PROXY protocol with upstreams: who the client is, before TLS and before the client's first byte.
 *
 * The header is made once, before anything is connected, and sent to each endpoint that is tried. Where
 * it is to tell an identity and cannot, the session is refused: an upstream that goes by what it is told
 * must not take a client for one without a certificate.
 */
#include "base/fd.h"
#include "proxy/proxy.h"
#include "proxy/session_internal.h"
#include "sys/stream.h"
#include "sys/tls_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NO_MEMORY "no memory"

void session_proxied_free(struct session_proxied *proxied)
{
	if (!proxied)
		return;
	free(proxied->received);
	free(proxied->header);
	free(proxied);
}

void session_announced(struct session *s)
{
	struct session_proxied *proxied = s->proxied;

	if (!proxied)
		return;
	free(proxied->received);
	free(proxied->header);
	proxied->received = proxied->header = NULL;
	proxied->tlvs = (struct proxy_span){};
}

/* --- what it says --- */

static void add_text(struct proxy_writer *writer, enum proxy_tlv_type type, const char *text)
{
	if (text && *text)
		proxy_header_add(writer, type, text, strlen(text));
}

static void add_kept(struct proxy_writer *writer, const struct session *s, uint8_t type)
{
	struct proxy_span kept = proxy_tlv_find(s->proxied->tlvs, type);

	if (kept.bytes)
		proxy_header_add(writer, type, kept.bytes, kept.len);
}

/* What has no name in the configuration, such as a cloud's own types (0xe0 to 0xef). */
static void add_others(struct proxy_writer *writer, const struct session *s)
{
	struct proxy_span rest = s->proxied->tlvs;
	struct proxy_tlv tlv;

	while (proxy_tlv_next(&rest, &tlv)) {
		if (tlv.type != PROXY_TLV_ALPN && tlv.type != PROXY_TLV_AUTHORITY &&
		    tlv.type != PROXY_TLV_UNIQUE_ID && tlv.type != PROXY_TLV_CRC32C &&
		    tlv.type != PROXY_TLV_NOOP && tlv.type != PROXY_TLV_SSL)
			proxy_header_add(writer, tlv.type, tlv.value.bytes, tlv.value.len);
	}
}

/* Where the client's TLS ends here nobody knows better; else what came with the client. */
static void add_alpn(struct proxy_writer *writer, const struct session *s)
{
	const char *name;
	size_t len;

	if (!s->tls) {
		add_kept(writer, s, PROXY_TLV_ALPN);
		return;
	}
	name = tls_alpn(s->tls, &len);
	if (name)
		proxy_header_add(writer, PROXY_TLV_ALPN, name, len);
}

/*
 * The identity is in it when the only CN is, or the whole certificate: of several CNs one would be as
 * good as any other. Returns: NULL, or why it is not.
 */
static const char *add_cn(struct proxy_writer *writer, const struct session *s,
			  const struct config_upstream *to)
{
	char _cleanup_free_ *cn = NULL;
	size_t len = 0;
	int r = tls_peer_cn(s->tls, &cn, &len);

	if (r == 1)
		proxy_header_add(writer, PROXY_TLV_SSL_CN, cn, len);
	if (r == 1 || (r != -ENOMEM && to->proxy_tlvs & PROXY_TELL_CERTIFICATE))
		return NULL;
	switch (r) {
	case 0:
		return "the certificate has no CN, and proxy_protocol_tlvs is without certificate";
	case -E2BIG:
		return "the certificate has several CNs, and proxy_protocol_tlvs is without "
		       "certificate";
	case -EINVAL:
		return "the certificate has a CN that is no text, and proxy_protocol_tlvs is "
		       "without certificate";
	default:
		return NO_MEMORY;
	}
}

/* Returns: NULL, or why the client's identity is not in it. */
static const char *add_ssl(struct proxy_writer *writer, const struct session *s,
			   const struct config_upstream *to)
{
	uint8_t _cleanup_free_ *der = NULL;
	char key[TLS_KEY_NAME_MAX];
	const char *problem = NULL;
	uint8_t flags = PROXY_SSL_TLS;
	size_t len = 0, opened;
	int r = tls_peer_certificate(s->tls, &der, &len);

	if (r == -ENOMEM)
		return NO_MEMORY;
	if (r == 0)
		flags |= PROXY_SSL_CERT_SESS | (tls_peer_resumed(s->tls) ? 0 : PROXY_SSL_CERT_CONN);
	/* A certificate that does not verify has no session. */
	opened = proxy_header_open_ssl(writer, flags, r == 0);
	add_text(writer, PROXY_TLV_SSL_VERSION, tls_version_name(s->tls_version));
	if (r == 0)
		problem = add_cn(writer, s, to);
	add_text(writer, PROXY_TLV_SSL_CIPHER, s->tls_cipher);
	add_text(writer, PROXY_TLV_SSL_SIG_ALG, tls_own_signature_name(s->tls));
	add_text(writer, PROXY_TLV_SSL_KEY_ALG, tls_own_key_name(s->tls, key));
	if (r == 0 && to->proxy_tlvs & PROXY_TELL_CERTIFICATE)
		proxy_header_add(writer, PROXY_TLV_SSL_CLIENT_CERT, der, len);
	proxy_header_close(writer, opened);
	return problem;
}

/* The same one goes on; who has none gets one, so that the logs of all on the way can be joined. */
static bool make_unique_id(struct session_proxied *proxied)
{
	uint8_t random[16];
	char text[2 * sizeof(random) + 1];

	if (proxied->unique_id_len > 0)
		return true;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	proxied->unique_id_len = sizeof(text) - 1;
	memcpy(proxied->unique_id, text, sizeof(text) - 1);
	return true;
}

static const char *add_tlvs(struct proxy_writer *writer, const struct session *s,
			    const struct config_upstream *to)
{
	const char *problem = NULL;

	if (to->proxy_tlvs & PROXY_TELL_ALPN)
		add_alpn(writer, s);
	if (to->proxy_tlvs & PROXY_TELL_AUTHORITY && s->sni)
		add_text(writer, PROXY_TLV_AUTHORITY, s->sni);
	else if (to->proxy_tlvs & PROXY_TELL_AUTHORITY)
		add_kept(writer, s, PROXY_TLV_AUTHORITY);
	if (to->proxy_tlvs & PROXY_TELL_UNIQUE_ID) {
		if (!make_unique_id(s->proxied))
			return "no random number for the unique id";
		proxy_header_add(writer, PROXY_TLV_UNIQUE_ID, s->proxied->unique_id,
				 s->proxied->unique_id_len);
	}
	if (to->proxy_tlvs & PROXY_TELL_SSL && s->tls)
		problem = add_ssl(writer, s, to);
	else if (to->proxy_tlvs & PROXY_TELL_SSL)
		add_kept(writer, s, PROXY_TLV_SSL);
	if (to->proxy_tlvs & PROXY_TELL_OTHERS)
		add_others(writer, s);
	return problem;
}

/** From where the client came and what it connected to. */
struct way {
	struct addr source, destination;
};

static struct way way_of(const struct session *s)
{
	struct way way = {.source = addr_lengthen(&s->peer)};

	if (s->proxied->destination.family != AF_UNSPEC)
		way.destination = addr_lengthen(&s->proxied->destination);
	else
		(void)stream_local(s->accepted.fd, &way.destination);
	return way;
}

static const char *keep(struct session_proxied *proxied, const void *bytes, size_t len)
{
	proxied->header = malloc(len);
	if (!proxied->header)
		return NO_MEMORY;
	memcpy(proxied->header, bytes, len);
	proxied->header_bytes = len;
	return NULL;
}

static const char *prepare_v1(struct session *s)
{
	const struct way way = way_of(s);
	char line[PROXY_HEADER_V1_MAX];
	size_t len = proxy_header_line(line, &way.source, &way.destination);

	return keep(s->proxied, line, len);
}

static const char *prepare_v2(struct session *s, const struct config_upstream *to)
{
	const struct way way = way_of(s);
	uint8_t bytes[PROXY_HEADER_V2_MAX];
	struct proxy_writer writer;
	const char *problem;
	int len;

	proxy_header_begin(&writer, bytes, sizeof(bytes), &way.source, &way.destination);
	problem = add_tlvs(&writer, s, to);
	if (problem)
		return problem;
	len = proxy_header_end(&writer, to->proxy_tlvs & PROXY_TELL_CRC32C);
	if (len < 0)
		return "the client's identity does not fit into a PROXY header";
	return keep(s->proxied, bytes, (size_t)len);
}

const char *session_prepare_header(struct session *s)
{
	const struct config_upstream *to = &s->generation->config->upstreams[s->rule->upstream];

	if (to->proxy_out == PROXY_OFF)
		return NULL;
	if (!s->proxied)
		s->proxied = calloc(1, sizeof(*s->proxied));
	if (!s->proxied)
		return NO_MEMORY;
	return to->proxy_out == PROXY_V1 ? prepare_v1(s) : prepare_v2(s, to);
}

bool session_prepare_or_refuse(struct session *s)
{
	const char *problem = session_prepare_header(s);
	const struct refusal refusal = {
		.check = "proxy_header", .reason = problem, .subject = "", .alert = -1};

	if (!problem)
		return true;
	session_refuse(s, &refusal, STAT_REFUSED_PROXY_HEADER);
	session_step(s, FLOW_ON_TIMEOUT);
	return false;
}

/* --- on its way --- */

bool session_has_header(const struct session *s)
{
	return s->proxied && s->proxied->header;
}

void session_announce(struct session *s)
{
	s->proxied->sent_bytes = 0; /* another endpoint may have been told before */
	session_announce_on(s);
}

void session_announce_on(struct session *s)
{
	struct session_proxied *proxied = s->proxied;

	while (proxied->sent_bytes < proxied->header_bytes) {
		ssize_t put = stream_send(s->connected.fd, proxied->header + proxied->sent_bytes,
					  proxied->header_bytes - proxied->sent_bytes);

		if (put == -EAGAIN)
			return;
		if (put < 0) {
			session_endpoint_failed(s, (int)put);
			return;
		}
		proxied->sent_bytes += (size_t)put;
	}
	session_connected(s);
}
