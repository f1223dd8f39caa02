// SPDX-License-Identifier: Apache-2.0
#include "selftests/harness/harness.h"

#include "sys/feature.h"
#include "sys/tls_version.h"
#include "sys/tlsstat.h"

#include <string.h>
#include <unistd.h>

SUITE("feature", .deadline_ms = 30000);

TEST(the_best_gcm_driver_is_named)
{
	static const char text[] = "name         : gcm(aes)\n"
				   "driver       : gcm_base(ctr(aes-generic),ghash-generic)\n"
				   "priority     : 100\n"
				   "internal     : no\n"
				   "\n"
				   "name         : __gcm(aes)\n"
				   "driver       : cryptd(__generic-gcm-aesni)\n"
				   "priority     : 950\n"
				   "\n"
				   "name         : gcm(aes)\n"
				   "driver       : hidden\n"
				   "priority     : 900\n"
				   "internal     : yes\n"
				   "\n"
				   "name         : gcm(aes)\n"
				   "driver       : generic-gcm-vaes-avx10\n"
				   "priority     : 700\n"
				   "internal     : no\n";
	char driver[64];

	feature_parse_crypto(text, driver, sizeof(driver));
	CHECK_STR(driver, "generic-gcm-vaes-avx10");
	feature_parse_crypto("", driver, sizeof(driver));
	CHECK_STR(driver, "");
	feature_parse_crypto("name : sha256\ndriver : x\n", driver, sizeof(driver));
	CHECK_STR(driver, "");
}

TEST(counters_of_tls_stat_are_found_by_name)
{
	struct tlsstat stat;
	uint64_t value = 0;

	tlsstat_parse("TlsCurrTxSw                     \t2\nTlsRxSw\t18446744073709551615\nbad\n",
		      &stat);
	CHECK_EQ(stat.n, 2);
	CHECK_EQ(tlsstat_get(&stat, "TlsCurrTxSw"), 2);
	CHECK(tlsstat_find(&stat, "TlsRxSw", &value) && value == UINT64_MAX);
	CHECK(!tlsstat_find(&stat, "TlsRxRekeyOk", &value));
	CHECK_EQ(tlsstat_get(&stat, "TlsRxRekeyOk"), 0);
}

TEST(the_probe_fills_everything_and_leaves_nothing)
{
	struct feature_set set;

	feature_probe(&set);
	CHECK_EQ(set.loopback.state, FEATURE_WORKS);
	CHECK_NE(set.ulp.state, FEATURE_UNTRIED);
	CHECK_NE(set.sock_diag.state, FEATURE_UNTRIED);
	CHECK_NE(set.bpf.state, FEATURE_UNTRIED);
	CHECK_GE(set.kernel.major, 5);
	CHECK_GE(set.pipe_max_bytes, 4096);
	CHECK_STR(set.tls_library, tls_library_version());
	CHECK(strncmp(set.tls_library, "OpenSSL 3", 9) == 0, "%s", set.tls_library);
	CHECK_EQ(set.ulp.state == FEATURE_WORKS, set.tls[0][0][0].state != FEATURE_UNTRIED);
	feature_done(&set);
	CHECK(!set.nics);
}

TEST(with_kernel_tls_every_cipher_works, NEEDS(NEED_KTLS))
{
	struct feature_set set;
	struct tlsstat stat;

	feature_probe(&set);
	CHECK_EQ(set.ulp.state, FEATURE_WORKS);
	for (unsigned int v = 0; v < FEATURE_N_VERSIONS; v++) {
		for (unsigned int c = 0; c < KTLS_N_CIPHERS; c++) {
			CHECK_EQ(set.tls[v][c][FEATURE_TX].error, 0, "version %u cipher %u", v, c);
			CHECK_EQ(set.tls[v][c][FEATURE_RX].error, 0, "version %u cipher %u", v, c);
		}
	}
	CHECK(feature_has_ktls(&set, FEATURE_TLS_1_2) && feature_has_ktls(&set, FEATURE_TLS_1_3));
	CHECK_EQ(set.diag_ulp.state, FEATURE_WORKS);
	CHECK_EQ(set.rekey.state == FEATURE_WORKS, test_kernel_at_least(6, 14));
	CHECK(set.gcm_driver[0]);
	/* All sockets are gone again. */
	MUST_EQ(tlsstat_read(&stat), 0);
	CHECK(UNTIL(tlsstat_read(&stat) == 0 && tlsstat_get(&stat, "TlsCurrTxSw") == 0, 2000));
	feature_done(&set);
}
