#include "adapters/http/trust.h"
#include "core/base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* Where systems keep their authorities: a static binary knows no place of its own. */
static const char *
system_bundle(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt", /* Fedora, RHEL */
		"/etc/ssl/ca-bundle.pem", /* SUSE */
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return "";
}

/* A copy of a file's name; NULL when none is given, or it cannot be read: then err says so. */
static char *
file_of(const char *name, const char *what, struct sk_err *err)
{
	if (!is_given(name))
		return NULL;
	if (access(name, R_OK) == 0)
		return sk_xstrdup(name);
	sk_fail(err, SK_EINVAL, "%s cannot be read from %.200s: %s", what, name, strerror(errno));
	return NULL;
}

static void
take_own(const struct sk_http_client_config *cfg, struct sk_http_trust *t, struct sk_err *err)
{
	const char *key = is_given(cfg->key_file) ? cfg->key_file : cfg->cert_file;

	if (is_given(cfg->key_file) && !is_given(cfg->cert_file)) {
		sk_fail(err, SK_EINVAL, "a client's key needs its certificate: give both files");
		return;
	}
	t->cert_file = file_of(cfg->cert_file, "the client's certificate", err);
	t->key_file = file_of(key, "the key of the client's certificate", err);
}

/* The names of the environment are those of OpenSSL and of libcurl's own tool. */
static void
take_authorities(
	const struct sk_http_client_config *cfg, struct sk_http_trust *t, struct sk_err *err)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

	if (is_given(cfg->ca_file)) {
		t->ca_file = file_of(cfg->ca_file, "the trusted authorities", err);
		return;
	}
	if (is_given(file))
		t->ca_file = file_of(file, "the trusted authorities (SSL_CERT_FILE)", err);
	else if (!is_given(dir))
		t->ca_file = file_of(system_bundle(), "the trusted authorities", err);
	if (is_given(dir))
		t->ca_dir = sk_xstrdup(dir);
}

enum sk_code
sk_http_trust(const struct sk_http_client_config *cfg, struct sk_http_trust *t, struct sk_err *err)
{
	struct sk_err why = { SK_OK, "" };

	t->insecure = cfg->insecure;
	take_own(cfg, t, &why);
	if (why.code == SK_OK)
		take_authorities(cfg, t, &why);
	return why.code == SK_OK ? SK_OK : sk_fail(err, why.code, "%s", why.msg);
}

void
sk_http_trust_release(struct sk_http_trust *t)
{
	free(t->ca_file);
	free(t->ca_dir);
	free(t->cert_file);
	free(t->key_file);
}

#define SET(option, value) (ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK)

bool
sk_http_trust_apply(const struct sk_http_trust *t, CURL *curl)
{
	bool ok = true;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, t->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, t->insecure ? 0L : 2L);
	SET(CURLOPT_CAINFO, t->ca_file); /* NULL: not the place that libcurl was built with */
	SET(CURLOPT_CAPATH, t->ca_dir);
	SET(CURLOPT_SSLCERT, t->cert_file);
	SET(CURLOPT_SSLKEY, t->key_file);
	return ok;
}

/* ---- what went wrong ---- */

/* The server tells it after the handshake is over for the client (TLS 1.3): it comes with whatever
 * the client was doing then. */
static bool
wants_certificate(const char *why)
{
	return strstr(why, "alert certificate required") != NULL;
}

static bool
declines_certificate(const char *why)
{
	return strstr(why, "alert unknown ca") != NULL ||
		strstr(why, "alert bad certificate") != NULL ||
		strstr(why, "alert certificate expired") != NULL;
}

bool
sk_http_trust_failed(CURLcode code, const char *why)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
		code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CONNECT_ERROR ||
		wants_certificate(why) || declines_certificate(why);
}

enum sk_code
sk_http_trust_why(const char *name, CURLcode code, const char *why, struct sk_err *err)
{
	if (wants_certificate(why))
		return sk_fail(err, SK_EINVAL, "%s wants a certificate of its clients", name);
	if (declines_certificate(why))
		return sk_fail(err, SK_EINVAL, "%s does not accept the client's certificate", name);
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return sk_fail(err, SK_EINVAL, "the certificate of %s is not accepted: %s", name, why);
	case CURLE_SSL_CACERT_BADFILE:
		return sk_fail(err, SK_EINVAL, "the trusted authorities cannot be read: %s", why);
	case CURLE_SSL_CERTPROBLEM:
		return sk_fail(err, SK_EINVAL, "the client's certificate cannot be used: %s", why);
	default:
		break;
	}
	if (strstr(why, "wrong version number") != NULL ||
		strstr(why, "packet length too long") != NULL)
		return sk_fail(err, SK_EINVAL, "%s does not speak HTTPS: try http://", name);
	return sk_fail(err, SK_EUNAVAIL, "no TLS with %s: %s", name, why);
}
