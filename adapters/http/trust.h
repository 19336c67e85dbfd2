/* trust.h - certificates at the client's end of https. Private to adapters/http. */
#ifndef SK_ADAPTERS_HTTP_TRUST_H
#define SK_ADAPTERS_HTTP_TRUST_H

#include "adapters/http/client.h"
#include <curl/curl.h>

struct sk_http_trust {
	char *ca_file, *ca_dir, *cert_file, *key_file; /* NULL = none */
	bool insecure;
};

/* What cfg and the environment say. SK_EINVAL: a file cannot be read. Released in any case. */
enum sk_code sk_http_trust(const struct sk_http_client_config *cfg, struct sk_http_trust *t,
	struct sk_err *err) SK_CHECKED;
void sk_http_trust_release(struct sk_http_trust *t);
/* False when libcurl refuses an option. */
bool sk_http_trust_apply(const struct sk_http_trust *t, CURL *curl);
/* Did a call fail by TLS? `why` is libcurl's sentence. */
bool sk_http_trust_failed(CURLcode code, const char *why);
/* ... then this says it: about `name`, the other side. */
enum sk_code
sk_http_trust_why(const char *name, CURLcode code, const char *why, struct sk_err *err);

#endif
