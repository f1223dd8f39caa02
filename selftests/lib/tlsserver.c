// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/tlsserver.h"

#include "base/clock.h"
#include "selftests/lib/wiretap.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	const struct tlsserver *server = arg;

	(void)ssl;
	for (unsigned int at = 0; at < in_len; at += in[at] + 1U) {
		if (in[at] != strlen(server->alpn) ||
		    memcmp(in + at + 1, server->alpn, in[at]) != 0)
			continue;
		*out = in + at + 1;
		*out_len = in[at];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool demand_certificate(SSL_CTX *ctx, const char *ca)
{
	if (!ca)
		return true;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(ca));
	return SSL_CTX_load_verify_locations(ctx, ca, NULL) == 1;
}

int tlsserver_open(struct tlsserver *server, const struct tlsserver_options *options)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	*server = (struct tlsserver){.ctx = ctx, .alpn = options->alpn};
	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, options->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, options->key, SSL_FILETYPE_PEM) != 1 ||
	    !demand_certificate(ctx, options->client_ca) ||
	    (options->no_tickets && SSL_CTX_set_num_tickets(ctx, 0) != 1) ||
	    !tls_suite_use(ctx, options->version, options->suite)) {
		tlsserver_close(server);
		return -EINVAL;
	}
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_keylog_callback(ctx, tlsclient_note_secret);
	if (options->alpn)
		SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, server);
	return 0;
}

void tlsserver_close(struct tlsserver *server)
{
	SSL_CTX_free(server->ctx);
	server->ctx = NULL;
}

static void look(const SSL *ssl, struct tlsserver_seen *seen)
{
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	X509 *cert = SSL_get0_peer_certificate(ssl);
	const unsigned char *alpn = NULL;
	unsigned int len = 0;

	SSL_get0_alpn_selected(ssl, &alpn, &len);
	snprintf(seen->sni, sizeof(seen->sni), "%s", sni ? sni : "");
	snprintf(seen->alpn, sizeof(seen->alpn), "%.*s", (int)len, alpn ? (const char *)alpn : "");
	seen->cn[0] = '\0';
	if (cert)
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
						seen->cn, sizeof(seen->cn));
}

static int shake_hands(struct tlsclient *conn, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = {.fd = conn->fd};
		uint64_t now_ms = clock_now_ms();
		int r, ssl_error;

		ERR_clear_error();
		r = SSL_accept(conn->ssl);
		if (r == 1)
			return 0;
		ssl_error = SSL_get_error(conn->ssl, r);
		if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE) {
			const char *words = ERR_reason_error_string(ERR_peek_last_error());

			snprintf(conn->error, sizeof(conn->error), "handshake: %s",
				 words ? words : "closed");
			ERR_clear_error();
			return -EPROTO;
		}
		p.events = ssl_error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		if (now_ms >= deadline_ms || poll(&p, 1, (int)(deadline_ms - now_ms)) == 0) {
			snprintf(conn->error, sizeof(conn->error), "handshake: nothing in time");
			return -ETIMEDOUT;
		}
	}
}

int tlsserver_accept(struct tlsserver *server, int fd, int timeout_ms, struct tlsclient *ret_conn,
		     struct tlsserver_seen *ret_seen)
{
	BIO *bio = BIO_new_socket(fd, BIO_NOCLOSE);
	int r;

	*ret_conn = (struct tlsclient){.fd = fd, .alert = -1, .ssl = SSL_new(server->ctx)};
	*ret_seen = (struct tlsserver_seen){};
	if (!ret_conn->ssl || !bio || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		BIO_free(bio);
		snprintf(ret_conn->error, sizeof(ret_conn->error), "cannot set up a server");
		return -EPROTO;
	}
	SSL_set_bio(ret_conn->ssl, bio, bio);
	if (server->tap)
		wiretap_attach(server->tap, bio);
	tlsclient_watch(ret_conn);
	r = shake_hands(ret_conn, clock_now_ms() + (uint64_t)timeout_ms);
	look(ret_conn->ssl, ret_seen);
	return r;
}
