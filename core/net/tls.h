/* tls: is this certificate fit to serve? Asked before a server starts and before it reloads, because what
 * loads the files later does not say when it failed. Any thread. */
#ifndef CAL_NET_TLS_H
#define CAL_NET_TLS_H

/* The PEM files are read and parsed, the key must belong to the first certificate, and that one must be valid
 * now. 0, or a negative errno with the sentence: -ENOENT, -EACCES for the file, -EINVAL for what is in it,
 * -EKEYEXPIRED. */
int cal_tls_check(const char *cert_file, const char *key_file);

#endif
