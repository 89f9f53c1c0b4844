/* tls: the certificate and key of a server. Any thread. */
#ifndef CAL_NET_TLS_H
#define CAL_NET_TLS_H

#include <openssl/ssl.h>

/* Is this certificate fit to serve? The PEM files are read and parsed, the key must belong to the first
 * certificate, and that one must be valid now. 0, or a negative errno with the sentence: -ENOENT, -EACCES for
 * the file, -EINVAL for what is in it, -EKEYEXPIRED. */
int cal_tls_check(const char *cert_file, const char *key_file);

/* What new connections are served with: TLS 1.2 and 1.3, HTTP/1.1 by ALPN, the whole chain of the file. Returns
 * owned (SSL_CTX_free); -EINVAL. */
int cal_tls_open(SSL_CTX **result, const char *cert_file, const char *key_file);

#endif
