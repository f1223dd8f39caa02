/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SYS_TLS_VERSION_H
#define SLUICE_SYS_TLS_VERSION_H

/** tls_library_version() - of the OpenSSL that runs, not of its headers: "OpenSSL 3.0.22 …". */
const char *tls_library_version(void);

#endif
