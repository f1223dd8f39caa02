// SPDX-License-Identifier: Apache-2.0
#include "sys/stream.h"
#include "sys/tls_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_conn *tls_conn_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

void tls_subject_text(X509 *cert, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	text[0] = '\0';
	/* RFC 2253 escapes control bytes, so the text is one line whatever the certificate holds. */
	if (bio && cert &&
	    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(bio, text, (int)size - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

static void watch_alerts(const SSL *ssl, int where, int value)
{
	struct tls_conn *conn = tls_conn_of(ssl);

	if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && !conn->established)
		conn->failure.alert = value & 0xff;
	if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT)
		return;
	/* TLS 1.3 does not care for the level (RFC 8446 6). */
	if ((value & 0xff) == SSL_AD_CLOSE_NOTIFY)
		conn->close_notified = true;
	else if (value >> 8 == SSL3_AL_FATAL)
		conn->alerted = true;
	if (!conn->established) {
		conn->failure.check = "alert_received";
		conn->failure.reason = SSL_alert_desc_string_long(value);
	}
}

static int conn_open(struct tls_ctx *ctx, int fd, struct tls_conn **ret_conn)
{
	struct tls_conn *conn = calloc(1, sizeof(*conn));
	BIO *bio = BIO_new_socket(fd, BIO_NOCLOSE);

	if (conn)
		conn->ssl = SSL_new(ctx->ssl_ctx);
	/* Without memory for it the callbacks would get NULL for the connection. */
	if (!conn || !bio || !conn->ssl || SSL_set_app_data(conn->ssl, conn) != 1) {
		BIO_free(bio);
		tls_conn_free(conn);
		ERR_clear_error();
		return -ENOMEM;
	}
	conn->failure.subject = "";
	conn->failure.alert = -1;
	conn->ticket.tickets = ctx->tickets;
	/* One socket BIO for both ways: SSL_set_fd() would try the kernel's ULP by itself. */
	SSL_set_bio(conn->ssl, bio, bio);
	SSL_set_info_callback(conn->ssl, watch_alerts);
	*ret_conn = conn;
	return 0;
}

int tls_conn_new(struct tls_ctx *ctx, int fd, struct tls_conn **ret_conn)
{
	int r = conn_open(ctx, fd, ret_conn);

	if (r == 0)
		SSL_set_accept_state((*ret_conn)->ssl);
	return r;
}

static int expect_server(struct tls_conn *conn, const struct tls_server *server)
{
	struct in6_addr any;

	if (server->kind == TLS_SERVER_IP && inet_pton(AF_INET, server->name, &any) != 1 &&
	    inet_pton(AF_INET6, server->name, &any) != 1)
		return -EINVAL;
	conn->server_name = strdup(server->name);
	conn->server = (struct tls_server){.kind = server->kind, .name = conn->server_name};
	return conn->server_name ? 0 : -ENOMEM;
}

/* OpenSSL's macro casts the constant away, which clang minds. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
static bool send_sni(SSL *ssl, const char *sni)
{
	return !sni || SSL_set_tlsext_host_name(ssl, sni) == 1;
}
#pragma GCC diagnostic pop

int tls_conn_new_client(struct tls_ctx *ctx, int fd, const struct tls_server *server,
			struct tls_conn **ret_conn)
{
	struct tls_conn *conn = NULL;
	int r = conn_open(ctx, fd, &conn);

	if (r < 0)
		return r;
	SSL_set_connect_state(conn->ssl);
	r = expect_server(conn, server);
	if (r == 0 && !send_sni(conn->ssl, server->sni))
		r = -EINVAL;
	if (r < 0) {
		tls_conn_free(conn);
		ERR_clear_error();
		return r;
	}
	*ret_conn = conn;
	return 0;
}

void tls_conn_free(struct tls_conn *conn)
{
	if (!conn)
		return;
	SSL_free(conn->ssl);
	secret_wipe(&conn->client_secret);
	secret_wipe(&conn->server_secret);
	free(conn->failed_subject);
	free(conn->server_name);
	tls_chain_unref(conn->chain);
	tls_ticket_forget(conn);
	free(conn);
}

static void failure_default(struct tls_conn *conn, const char *check, const char *reason)
{
	if (!conn->failure.check) {
		conn->failure.check = check;
		conn->failure.reason = reason;
	}
}

static enum tls_step handshake_failed(struct tls_conn *conn, int ssl_error, int saved_errno)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		failure_default(conn, "no_certificate", "the client sent no certificate");
	else if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		failure_default(conn, "eof", "the peer closed during the handshake");
	else if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_NO_APPLICATION_PROTOCOL)
		failure_default(conn, "alpn", "no application protocol in common (ALPN)");
	else if (ssl_error == SSL_ERROR_SYSCALL && code == 0)
		failure_default(conn, "eof", saved_errno ? strerror(saved_errno) : "closed");
	if (!conn->failure.check) {
		const char *words = ERR_reason_error_string(code); /* a static text, or NULL */

		failure_default(conn, "protocol", words ? words : "handshake failed");
	}
	ERR_clear_error();
	if (strcmp(conn->failure.check, "chain") == 0 || strcmp(conn->failure.check, "name") == 0 ||
	    strcmp(conn->failure.check, "no_certificate") == 0)
		return TLS_STEP_REFUSED;
	return TLS_STEP_FAILED;
}

/*
 * Verification is over and only the leaf is asked for from here on. The certificates above it cost
 * some 5 KiB each, and the peer decides how many there are. The stack is OpenSSL's own, which has a
 * reference to the leaf beside it. Their bytes are kept, see tls_conn_chain().
 */
static void forget_chain(STACK_OF(X509) * chain)
{
	while (chain && sk_X509_num(chain) > 0)
		X509_free(sk_X509_pop(chain));
}

enum tls_step tls_conn_handshake(struct tls_conn *conn)
{
	int r, ssl_error;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(conn->ssl);
	if (r == 1) {
		conn->established = true;
		tls_ticket_remember(conn);
		forget_chain(SSL_get_peer_cert_chain(conn->ssl));
		/* A FIN without close_notify is for the relay to judge: else OpenSSL answers it by
		 * itself with a fatal alert. io_error() tells the two ends apart. */
		(void)SSL_set_options(conn->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
		/* TLS 1.2 spends record 0 of each direction on Finished (RFC 5246 6.2.3.3). */
		conn->rx_records = conn->tx_records =
			SSL_version(conn->ssl) == TLS1_3_VERSION ? 0 : 1;
		conn->rx_boundary = BIO_number_read(SSL_get_rbio(conn->ssl));
		conn->tx_boundary = BIO_number_written(SSL_get_wbio(conn->ssl));
		return TLS_STEP_DONE;
	}
	ssl_error = SSL_get_error(conn->ssl, r);
	if (ssl_error == SSL_ERROR_WANT_READ)
		return TLS_STEP_WANT_READ;
	if (ssl_error == SSL_ERROR_WANT_WRITE)
		return TLS_STEP_WANT_WRITE;
	return handshake_failed(conn, ssl_error, errno);
}

const struct tls_failure *tls_conn_failure(const struct tls_conn *conn)
{
	return &conn->failure;
}

struct tls_chain *tls_conn_chain(const struct tls_conn *conn)
{
	return tls_chain_ref(conn->chain);
}

enum tls_verified tls_conn_verified(const struct tls_conn *conn)
{
	return conn->verified;
}

static int socket_error(int saved_errno)
{
	return stream_is_lost(-saved_errno) ? -ETIMEDOUT : -ECONNRESET;
}

/* After the handshake: OpenSSL's answer as one errno of the contract in tls.h. */
static int io_error(struct tls_conn *conn, int r)
{
	int saved_errno = errno;
	int ssl_error = SSL_get_error(conn->ssl, r);
	int result = -EPROTO;

	if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	/* After user_canceled OpenSSL 3.2 and later call the clean end of TLS 1.3 a system error. */
	if (conn->close_notified && saved_errno == 0 && ssl_error == SSL_ERROR_SYSCALL)
		return 0;
	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		return conn->close_notified ? 0 : -ENODATA;
	if (ssl_error == SSL_ERROR_SYSCALL)
		result = saved_errno ? socket_error(saved_errno) : -ENODATA;
	else if (conn->alerted)
		result = -ECONNABORTED;
	conn->broken = true;
	ERR_clear_error();
	return result;
}

/* Returns: bytes that OpenSSL took. */
static ssize_t write_some(struct tls_conn *conn, const void *buf, size_t len)
{
	size_t put = 0;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(conn->ssl, buf, len, &put);
	conn->begun_len = 0;
	if (r == 1)
		return (ssize_t)put;
	r = io_error(conn, r);
	if (r == -EAGAIN) {
		conn->begun = buf;
		conn->begun_len = len;
	}
	/* Zero or a missing close_notify have no meaning for a writer: the way out is gone. */
	return r == 0 || r == -ENODATA ? -ECONNRESET : r;
}

/*
 * With an answer to a KeyUpdate due and a record half sent, OpenSSL would begin that answer in the
 * middle of the record when it reads the next KeyUpdate, and fail ("bad length", 3.0 to 3.5). So
 * nothing is read then before that record is out: a peer that wants answers has to read.
 */
static int end_begun_write(struct tls_conn *conn)
{
	ssize_t put;

	if (conn->begun_len == 0 || SSL_get_key_update_type(conn->ssl) == SSL_KEY_UPDATE_NONE)
		return 0;
	put = write_some(conn, conn->begun, conn->begun_len);
	if (put < 0)
		return (int)put;
	conn->sent_ahead = (size_t)put;
	return 0;
}

/*
 * The same of a close_notify that waits for room ("bad write retry"): nothing is read before it is
 * out, and then no answer follows it.
 */
static int end_begun_notify(struct tls_conn *conn)
{
	if (conn->notified || !(SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN) ||
	    SSL_get_key_update_type(conn->ssl) == SSL_KEY_UPDATE_NONE)
		return 0;
	return tls_send_close_notify(conn);
}

ssize_t tls_read(struct tls_conn *conn, void *buf, size_t len)
{
	uint64_t messages = conn->messages, written;
	size_t got = 0;
	int r;

	if (conn->broken)
		return -EPROTO;
	r = end_begun_write(conn);
	if (r == 0)
		r = end_begun_notify(conn);
	if (r < 0)
		return r;
	do {
		written = conn->tx_boundary;
		ERR_clear_error();
		errno = 0;
		r = SSL_read_ex(conn->ssl, buf, len, &got);
		if (r == 1)
			return (ssize_t)got;
		r = io_error(conn, r);
		/* An answer to a KeyUpdate was sent instead of reading on. */
	} while (r == -EAGAIN && conn->tx_boundary != written);
	return r == -EAGAIN && conn->messages != messages ? -EINPROGRESS : r;
}

uint64_t tls_tickets_dropped(const struct tls_conn *conn)
{
	return conn->tickets;
}

uint64_t tls_key_updates(const struct tls_conn *conn)
{
	return conn->key_updates;
}

ssize_t tls_write(struct tls_conn *conn, const void *buf, size_t len)
{
	size_t put = conn->sent_ahead;

	if (conn->broken)
		return -EPROTO;
	conn->sent_ahead = 0;
	return put > 0 ? (ssize_t)put : write_some(conn, buf, len);
}

static bool has_record_limit(const struct tls_conn *conn)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(conn->ssl);

	return SSL_CIPHER_get_cipher_nid(cipher) != NID_chacha20_poly1305;
}

/* A message that was begun, ours or the peer's. Returns: 0 when it is whole; else as tls_write(). */
static int end_begun_message(struct tls_conn *conn)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(conn->ssl);
	if (r == 1)
		return 0;
	r = io_error(conn, r);
	return r == 0 || r == -ENODATA ? -ECONNRESET : r;
}

int tls_conn_flush(struct tls_conn *conn)
{
	int r = end_begun_message(conn);

	return r == -EAGAIN ? 0 : r;
}

int tls_refresh_keys(struct tls_conn *conn, uint64_t limit)
{
	bool ask = conn->rx_records >= limit && !conn->update_asked;

	if ((conn->tx_records < limit && conn->rx_records < limit) || !has_record_limit(conn))
		return 0;
	if (SSL_version(conn->ssl) != TLS1_3_VERSION || conn->rx_records >= TLS_LAST_RECORD(limit))
		return -EKEYEXPIRED;
	if (!ask && conn->tx_records < limit)
		return 0;
	ERR_clear_error();
	errno = 0;
	/* In the middle of a record it is refused: then behind the next one. */
	if (SSL_key_update(conn->ssl,
			   ask ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
		ERR_clear_error();
		return 0;
	}
	conn->update_asked |= ask;
	return tls_conn_flush(conn);
}

int tls_answer_key_update(struct tls_conn *conn)
{
	if (conn->broken || conn->begun_len > 0 ||
	    SSL_get_key_update_type(conn->ssl) == SSL_KEY_UPDATE_NONE ||
	    SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN)
		return 0;
	ERR_clear_error();
	/* Refused in the middle of a message that the peer sends: then behind it. */
	if (SSL_key_update(conn->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
		ERR_clear_error();
		return 0;
	}
	return tls_conn_flush(conn);
}

/* OpenSSL would go on to answer KeyUpdates, and take it for a broken connection that it cannot. */
static void be_silent(struct tls_conn *conn)
{
	BIO *nowhere = BIO_new(BIO_s_null());

	if (nowhere)
		SSL_set0_wbio(conn->ssl, nowhere);
}

int tls_send_close_notify(struct tls_conn *conn)
{
	int r;

	if (conn->broken)
		return -EPROTO;
	/* Another SSL_shutdown() would read. */
	if (conn->notified)
		return 0;
	/* It refuses while a KeyUpdate or a ticket is half sent. */
	r = SSL_is_init_finished(conn->ssl) ? 0 : end_begun_message(conn);
	if (r < 0)
		return r;
	ERR_clear_error();
	errno = 0;
	r = SSL_shutdown(conn->ssl);
	if (r >= 0) {
		conn->notified = true;
		be_silent(conn);
		return 0;
	}
	r = io_error(conn, r);
	return r == -ENODATA ? -ECONNRESET : r;
}

/*
 * SSL_has_pending() does not know of a header that was read without its body, so bytes are counted;
 * SSL_is_init_finished() is false in the middle of a message that spans records.
 */
bool tls_at_record_boundary(const struct tls_conn *conn)
{
	return conn->established && !conn->broken && SSL_has_pending(conn->ssl) == 0 &&
	       SSL_is_init_finished(conn->ssl) && conn->sent_ahead == 0 &&
	       SSL_get_key_update_type(conn->ssl) == SSL_KEY_UPDATE_NONE &&
	       BIO_number_read(SSL_get_rbio(conn->ssl)) == conn->rx_boundary &&
	       BIO_number_written(SSL_get_wbio(conn->ssl)) == conn->tx_boundary;
}

bool tls_record_limit_negotiated(const struct tls_conn *conn)
{
	const SSL_SESSION *session = SSL_get0_session(conn->ssl);

	return session && SSL_SESSION_get_max_fragment_length(session) != 0;
}

bool tls_expects_tickets(const struct tls_conn *conn)
{
	return !SSL_is_server(conn->ssl) && SSL_version(conn->ssl) == TLS1_3_VERSION;
}

uint16_t tls_version(const struct tls_conn *conn)
{
	return (uint16_t)SSL_version(conn->ssl);
}

const char *tls_version_name(uint16_t version)
{
	switch (version) {
	case TLS1_2_VERSION:
		return "TLSv1.2";
	case TLS1_3_VERSION:
		return "TLSv1.3";
	default:
		return "unknown";
	}
}

const char *tls_cipher_name(const struct tls_conn *conn)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(conn->ssl);

	return cipher ? SSL_CIPHER_get_name(cipher) : NULL;
}

const char *tls_sni(const struct tls_conn *conn)
{
	return SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
}

void tls_peer_subject(const struct tls_conn *conn, char *text, size_t size)
{
	tls_subject_text(SSL_get0_peer_certificate(conn->ssl), text, size);
}
