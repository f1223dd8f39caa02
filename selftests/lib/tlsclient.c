// SPDX-License-Identifier: Apache-2.0
#include "selftests/lib/tlsclient.h"

#include "base/clock.h"
#include "base/fd.h"
#include "selftests/lib/certgen.h"
#include "selftests/lib/hello.h"
#include "selftests/lib/wiretap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_SIGALGS "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256"

static const char *const suites_1_3[] = {
	[SUITE_AES_128] = "TLS_AES_128_GCM_SHA256",
	[SUITE_AES_256] = "TLS_AES_256_GCM_SHA384",
	[SUITE_CHACHA20] = "TLS_CHACHA20_POLY1305_SHA256",
};

static const char *const suites_1_2[] = {
	[SUITE_AES_128] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
	[SUITE_AES_256] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
	[SUITE_CHACHA20] = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
};

static void note_error(struct tlsclient *client, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *words = code ? ERR_reason_error_string(code) : NULL;

	snprintf(client->error, sizeof(client->error), "%s: %s", what,
		 words ? words : strerror(errno));
	ERR_clear_error();
}

static void note_alert(const SSL *ssl, int where, int value)
{
	struct tlsclient *client = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
		client->alert = value & 0xff;
}

void tlsclient_watch(struct tlsclient *client)
{
	SSL_set_app_data(client->ssl, client);
	SSL_set_info_callback(client->ssl, note_alert);
}

/* "LABEL client_random secret", both in hex. */
void tlsclient_note_secret(const SSL *ssl, const char *line)
{
	struct tlsclient *client = SSL_get_app_data(ssl);
	const char *hex = strrchr(line, ' ') + 1;
	struct secret *secret = NULL;

	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0)
		secret = &client->client_secret;
	else if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0)
		secret = &client->server_secret;
	if (secret)
		(void)OPENSSL_hexstr2buf_ex(secret->bytes, sizeof(secret->bytes), &secret->len, hex,
					    '\0');
}

/* --- set-up --- */

static bool use_certificate(SSL_CTX *ctx, const struct tlsclient_options *options)
{
	if (options->ca && SSL_CTX_load_verify_locations(ctx, options->ca, NULL) != 1)
		return false;
	if (options->ca)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (options->chain)
		certgen_use(ctx, options->chain);
	if (!options->cert)
		return true;
	if (options->weak)
		SSL_CTX_set_security_level(ctx, 0);
	return SSL_CTX_use_certificate_chain_file(ctx, options->cert) == 1 &&
	       SSL_CTX_use_PrivateKey_file(ctx, options->key, SSL_FILETYPE_PEM) == 1;
}

bool tls_suite_use(SSL_CTX *ctx, int version, enum tls_suite suite)
{
	if (SSL_CTX_set_min_proto_version(ctx, version ? version : TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, version) != 1)
		return false;
	if (suite == SUITE_ANY)
		return true;
	return SSL_CTX_set_ciphersuites(ctx, suites_1_3[suite]) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, suites_1_2[suite]) == 1;
}

static bool use_suite(SSL_CTX *ctx, const struct tlsclient_options *options)
{
	/* The client's own signature is not limited by it. */
	if (options->sigalgs && (SSL_CTX_set1_sigalgs_list(ctx, options->sigalgs) != 1 ||
				 SSL_CTX_set1_client_sigalgs_list(ctx, CLIENT_SIGALGS) != 1))
		return false;
	return tls_suite_use(ctx, options->version, options->suite);
}

static int set_up(struct tlsclient *client, const struct tlsclient_options *options)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *bio = BIO_new_socket(client->fd, BIO_NOCLOSE);

	if (ctx)
		SSL_CTX_set_keylog_callback(ctx, tlsclient_note_secret);
	if (ctx && use_certificate(ctx, options) && use_suite(ctx, options))
		client->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!client->ssl || !bio) {
		BIO_free(bio);
		note_error(client, "cannot set up a client");
		return -EINVAL;
	}
	SSL_set_bio(client->ssl, bio, bio);
	if (options->tap)
		wiretap_attach(options->tap, bio);
	tlsclient_watch(client);
	SSL_set_mode(client->ssl,
		     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (options->sni)
		SSL_set_tlsext_host_name(client->ssl, options->sni);
	if (options->alpn)
		(void)SSL_set_alpn_protos(client->ssl, (const unsigned char *)options->alpn,
					  (unsigned int)strlen(options->alpn));
	if (options->max_fragment)
		SSL_set_tlsext_max_fragment_length(client->ssl, options->max_fragment);
	if (options->session && SSL_set_session(client->ssl, options->session) != 1)
		return -EINVAL;
	SSL_set_connect_state(client->ssl);
	return 0;
}

static int open_socket(struct tlsclient *client, const struct addr *to,
		       const struct tlsclient_options *options)
{
	struct addr local = {.len = sizeof(local.in6)};
	int bytes = (int)options->receive_buffer;
	int one = 1;

	client->fd = options->socket ? options->socket
				     : socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	if (bytes > 0)
		(void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (options->from && bind(client->fd, &options->from->sa, options->from->len) < 0)
		return -errno;
	if (!options->socket && connect(client->fd, &to->sa, to->len) < 0)
		return -errno;
	(void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (getsockname(client->fd, &local.sa, &local.len) == 0)
		client->port = addr_port(&local);
	return fcntl(client->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* --- handshake --- */

static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now_ms = clock_now_ms();

	if (now_ms >= deadline_ms)
		return -ETIMEDOUT;
	return poll(&p, 1, (int)(deadline_ms - now_ms)) == 0 ? -ETIMEDOUT : 0;
}

static int shake_hands(struct tlsclient *client, uint64_t deadline_ms)
{
	for (;;) {
		int r, ssl_error;

		ERR_clear_error();
		r = SSL_do_handshake(client->ssl);
		if (r == 1)
			return 0;
		ssl_error = SSL_get_error(client->ssl, r);
		if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE) {
			note_error(client, "handshake");
			return -EPROTO;
		}
		r = wait_for(client->fd, ssl_error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
			     deadline_ms);
		if (r < 0)
			return r;
	}
}

static int send_at_once(int fd, const char *data, size_t len)
{
	return len == 0 || send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EIO;
}

/*
 * What OpenSSL wants to send is kept in memory, so that several messages leave as one segment; or as
 * two, with a pause in which the other side reads the first.
 */
static int flush_memory(struct tlsclient *client, BIO *memory, size_t last_alone)
{
	char *data;
	size_t len = (size_t)BIO_get_mem_data(memory, &data);
	size_t first = len > last_alone ? len - last_alone : 0;
	int r = send_at_once(client->fd, data, first);

	if (last_alone > 0)
		usleep(500);
	if (r == 0)
		r = send_at_once(client->fd, data + first, len - first);
	(void)BIO_reset(memory);
	return r;
}

static int shake_hands_with_data(struct tlsclient *client, const struct tlsclient_options *options,
				 uint64_t deadline_ms)
{
	BIO *memory = BIO_new(BIO_s_mem());
	int r = memory ? -EAGAIN : -ENOMEM;

	if (memory)
		SSL_set0_wbio(client->ssl, memory);
	while (r == -EAGAIN) {
		ERR_clear_error();
		if (SSL_do_handshake(client->ssl) == 1) {
			r = 0;
			break;
		}
		if (!SSL_want_read(client->ssl)) {
			note_error(client, "handshake");
			return -EPROTO;
		}
		r = flush_memory(client, memory, 0);
		if (r == 0)
			r = wait_for(client->fd, POLLIN, deadline_ms);
		r = r == 0 ? -EAGAIN : r;
	}
	if (r == 0 && SSL_write(client->ssl, options->first_data, (int)options->first_data_len) !=
			      (int)options->first_data_len)
		r = -EPROTO;
	if (r == 0 && options->first_data_ends)
		(void)SSL_shutdown(client->ssl);
	if (r == 0)
		r = flush_memory(client, memory, options->last_alone);
	if (r == 0 && options->first_data_ends && shutdown(client->fd, SHUT_WR) < 0)
		r = -errno;
	if (r == 0) {
		BIO *bio = BIO_new_socket(client->fd, BIO_NOCLOSE);

		SSL_set0_wbio(client->ssl, bio);
	}
	return r;
}

/* A pause behind every byte, so that the other side sees most of them come alone. */
static int send_dribbling(int fd, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (send(fd, bytes + i, 1, MSG_NOSIGNAL) != 1)
			return -errno;
		usleep(100);
	}
	return 0;
}

static int send_preamble(struct tlsclient *client, const struct tlsclient_options *options)
{
	if (options->preamble_dribbles)
		return send_dribbling(client->fd, options->preamble, options->preamble_len);
	return send_at_once(client->fd, options->preamble, options->preamble_len);
}

/* The ClientHello in other pieces than OpenSSL would send; it goes on from there. */
static int send_hello(struct tlsclient *client, const struct tlsclient_options *options)
{
	static struct hello hello;
	BIO *bio = BIO_new_socket(client->fd, BIO_NOCLOSE);
	int r = 0;

	hello_take(&hello, client->ssl);
	if (options->hello_record > 0)
		hello_fragment(&hello, options->hello_record, options->hello_record);
	if (options->hello_dribbles)
		r = send_dribbling(client->fd, hello.bytes, hello.len);
	else if (send(client->fd, hello.bytes, hello.len, MSG_NOSIGNAL) != (ssize_t)hello.len)
		r = -EIO;
	SSL_set_bio(client->ssl, bio, bio);
	return r;
}

int tlsclient_connect(struct tlsclient *client, const struct addr *to,
		      const struct tlsclient_options *options, int timeout_ms)
{
	uint64_t deadline_ms = clock_now_ms() + (uint64_t)timeout_ms;
	int r;

	*client = (struct tlsclient){.fd = -1, .alert = -1};
	r = open_socket(client, to, options);
	if (r < 0) {
		snprintf(client->error, sizeof(client->error), "connect: %s", strerror(-r));
		return r;
	}
	r = send_preamble(client, options);
	if (r == 0)
		r = set_up(client, options);
	if (r == 0 && (options->hello_record > 0 || options->hello_dribbles))
		r = send_hello(client, options);
	if (r < 0)
		return r;
	return options->first_data ? shake_hands_with_data(client, options, deadline_ms)
				   : shake_hands(client, deadline_ms);
}

void tlsclient_close(struct tlsclient *client)
{
	SSL_free(client->ssl);
	client->ssl = NULL;
	fd_close(&client->fd);
}

/* --- data --- */

static ssize_t io_error(struct tlsclient *client, int r, const char *what)
{
	int saved_errno = errno;
	int ssl_error = SSL_get_error(client->ssl, r);
	bool eof = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = saved_errno;
	note_error(client, what);
	if (eof)
		return -ENODATA;
	if (ssl_error == SSL_ERROR_SYSCALL)
		return saved_errno ? -ECONNRESET : -ENODATA;
	return -EPROTO;
}

ssize_t tlsclient_recv(struct tlsclient *client, void *buf, size_t len)
{
	size_t got = 0;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(client->ssl, buf, len, &got);
	return r == 1 ? (ssize_t)got : io_error(client, r, "read");
}

ssize_t tlsclient_send(struct tlsclient *client, const void *buf, size_t len)
{
	size_t put = 0;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(client->ssl, buf, len, &put);
	if (r == 1)
		return (ssize_t)put;
	r = (int)io_error(client, r, "write");
	return r == 0 || r == -ENODATA ? -ECONNRESET : r;
}

int tlsclient_tickets(struct tlsclient *client, int n)
{
	if (SSL_version(client->ssl) != TLS1_3_VERSION)
		return 0;
	ERR_clear_error();
	for (int i = 0; i < n; i++) {
		if (SSL_new_session_ticket(client->ssl) != 1)
			return -EPROTO;
	}
	return tlsclient_flush(client);
}

int tlsclient_key_update(struct tlsclient *client, bool requested)
{
	ERR_clear_error();
	if (SSL_key_update(client->ssl, requested ? SSL_KEY_UPDATE_REQUESTED
						  : SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
		return -EPROTO;
	return tlsclient_flush(client);
}

int tlsclient_flush(struct tlsclient *client)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(client->ssl);
	return r == 1 ? 0 : (int)io_error(client, r, "message behind the handshake");
}

int tlsclient_finish(struct tlsclient *client)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_shutdown(client->ssl);
	return r >= 0 ? 0 : (int)io_error(client, r, "close_notify");
}

int tlsclient_alert(struct tlsclient *client, int timeout_ms)
{
	uint64_t deadline_ms = clock_now_ms() + (uint64_t)timeout_ms;
	char waste[4096];

	while (client->alert < 0) {
		ssize_t n = tlsclient_recv(client, waste, sizeof(waste));

		if (n == -EAGAIN && wait_for(client->fd, POLLIN, deadline_ms) == 0)
			continue;
		if (n <= 0)
			break;
	}
	return client->alert;
}

/* A copy: the library may change the one that it has, and a client may use it for long. */
SSL_SESSION *tlsclient_session(const struct tlsclient *client)
{
	SSL_SESSION *session = SSL_SESSION_dup(SSL_get0_session(client->ssl));

	if (session)
		SSL_SESSION_set_timeout(session, 24L * 3600);
	return session;
}

void tlsclient_server_cn(const struct tlsclient *client, char *text, size_t size)
{
	X509 *cert = SSL_get0_peer_certificate(client->ssl);

	text[0] = '\0';
	if (cert)
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
						(int)size);
}
