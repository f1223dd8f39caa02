/* SPDX-License-Identifier: Apache-2.0 */
/* The CA of the corpora `chain` and `crl`, whose key is gone, and its CRLs; good until 2098. */
#ifndef SELFTESTS_FUZZ_FUZZ_PKI_H
#define SELFTESTS_FUZZ_FUZZ_PKI_H

#define FUZZ_CA                                                                                    \
	"-----BEGIN CERTIFICATE-----\n"                                                            \
	"MIIBjzCCATWgAwIBAgIUCwWNcTEzgFh4AfoFPauIrzzoTkswCgYIKoZIzj0EAwIw\n"                       \
	"FDESMBAGA1UEAwwJZnV6eiByb290MCAXDTI2MTEyNzExNDQxOFoYDzIxMDAxMDMw\n"                       \
	"MTE0NDE4WjAUMRIwEAYDVQQDDAlmdXp6IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"                       \
	"PQMBBwNCAATmJxWJhYLvKk8Yu6NHeoppjBV7WR6GKn51mni4KMNfa4Q+Ldp/WBXu\n"                       \
	"m8iEFuBn3UFiVLCWocwR5yXKh/eFnx6ko2MwYTAdBgNVHQ4EFgQUTn4/cKtWpVTI\n"                       \
	"w1BkIxOWD0x2478wHwYDVR0jBBgwFoAUTn4/cKtWpVTIw1BkIxOWD0x2478wDwYD\n"                       \
	"VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDSAAwRQIh\n"                       \
	"AIq9bvWYQ2/7iECjV+EQK5XeTNKdO6wNIijdbi0FPSppAiBlsm8hHeTk1sIjpcUf\n"                       \
	"/t3Dz6Os9spba1oWw3QXr0AQAA==\n"                                                           \
	"-----END CERTIFICATE-----\n"

#define FUZZ_CRLS                                                                                  \
	"-----BEGIN X509 CRL-----\n"                                                               \
	"MIGtMFUCAQEwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJZnV6eiByb290Fw0yNjEx\n"                       \
	"MjcxMTQ0MjlaGA8yMDk4MDIwMjExNDQyOVqgDjAMMAoGA1UdFAQDAgEBMAoGCCqG\n"                       \
	"SM49BAMCA0gAMEUCIGL/JmGpPwYF1WTrvrFPoaOxCQjeN+Nt2Cso644pHh7PAiEA\n"                       \
	"vaCsE1J5rSlgeTXPdvt5IgoJs8IIuQb10igbTOWCT6U=\n"                                           \
	"-----END X509 CRL-----\n"                                                                 \
	"-----BEGIN X509 CRL-----\n"                                                               \
	"MIHRMHgCAQEwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDc3ViFw0yNjExMjcxMTQ0\n"                       \
	"MjlaGA8yMDk4MDIwMjExNDQyOVowJzAlAhR2EVTkQVycG24k2tZdkzujVsNpvhcN\n"                       \
	"MjYxMTI3MTE0NDI5WqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwIDSQAwRgIh\n"                       \
	"APO0RK0k3ArmAuJrZ+vJjyFbpQPdT5jNKTX+6gqlphIpAiEAmGTvX9b+VXHt5bku\n"                       \
	"C8V3IY0VMyz1avgRrYHaR81XrEY=\n"                                                           \
	"-----END X509 CRL-----\n"

#endif
