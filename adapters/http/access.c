#include "adapters/http/access.h"
#include "adapters/http/tokenfile.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOG_MS 60000

struct sk_access {
	char *file, *env, *origins;
	struct sk_access_config cfg; /* with our copies */
	struct sk_tokens tokens;
	bool anonymous, had_file;
	struct refused {
		uint64_t n, told; /* so far, and of these in the log */
		int64_t told_ms; /* boot clock; 0 = never */
	} refused[SK_N_REFUSAL];
	char why[200]; /* of the refusal under way */
};

/* ---- who is known ---- */

static bool
has(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* The tokens of the file and of the variable. *had_file: the file is there. */
static enum sk_code
load(const struct sk_access_config *cfg, struct sk_tokens *t, bool *had_file, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	*had_file = false;
	if (has(cfg->file)) {
		code = sk_tokenfile_read(cfg->file, t, err);
		*had_file = code == SK_OK;
		if (code == SK_ENOENT && cfg->file_optional)
			code = SK_OK;
	}
	if (code == SK_OK && has(cfg->env) && sk_tokens_parse_env(t, cfg->env, err) != SK_OK)
		code = sk_wrap(err, "SKALDS_TOKENS");
	return code;
}

/* Whoever may run tasks here may run any program: that is nobody's whom we do not know. */
static enum sk_code
check_known(const struct sk_access_config *cfg, const struct sk_tokens *t, struct sk_err *err)
{
	if (cfg->loopback || cfg->certificates || t->n > sk_tokens_certificates(t))
		return SK_OK;
	return sk_fail(err, SK_EINVAL,
		"others reach this address, and nothing says who may ask: make a token with "
		"`skalds token new NAME --role admin%s%s`%s, or ask for certificates with --client-ca",
		has(cfg->file) ? " --file " : "", has(cfg->file) ? cfg->file : "",
		has(cfg->file) ? "" : " and name its file with --tokens");
}

enum sk_code
sk_access_check(const struct sk_access_config *cfg, struct sk_err *err)
{
	struct sk_tokens t = { NULL, 0 };
	bool had_file;
	enum sk_code code = load(cfg, &t, &had_file, err);

	if (code == SK_OK)
		code = check_known(cfg, &t, err);
	sk_tokens_release(&t);
	return code;
}

enum sk_code
sk_access_reload(struct sk_access *a, struct sk_err *err)
{
	struct sk_access_config cfg = a->cfg;
	struct sk_tokens t = { NULL, 0 };
	bool had_file;
	enum sk_code code;

	cfg.file_optional = cfg.file_optional && !a->had_file;
	code = load(&cfg, &t, &had_file, err);
	if (code == SK_OK)
		code = check_known(&cfg, &t, err);
	if (code != SK_OK) {
		sk_tokens_release(&t);
		return code;
	}
	sk_tokens_seal(&t);
	sk_tokens_release(&a->tokens);
	a->tokens = t;
	a->had_file = had_file;
	a->anonymous = cfg.loopback && !cfg.certificates && !had_file && !has(cfg.env);
	return SK_OK;
}

static char *
copy(const char *text)
{
	return sk_xstrdup(text != NULL ? text : "");
}

struct sk_access *
sk_access_open(const struct sk_access_config *cfg, struct sk_err *err)
{
	struct sk_access *a = sk_xcalloc(1, sizeof(*a));

	a->cfg = *cfg;
	a->cfg.file = a->file = copy(cfg->file);
	a->cfg.env = a->env = copy(cfg->env);
	a->cfg.origins = a->origins = copy(cfg->origins);
	if (sk_access_reload(a, err) == SK_OK)
		return a;
	sk_access_close(a);
	return NULL;
}

void
sk_access_close(struct sk_access *a)
{
	if (a == NULL)
		return;
	sk_tokens_release(&a->tokens);
	explicit_bzero(a->env, strlen(a->env));
	free(a->file);
	free(a->env);
	free(a->origins);
	free(a);
}

bool
sk_access_is_anonymous(const struct sk_access *a)
{
	return a->anonymous;
}

uint64_t
sk_access_refused(const struct sk_access *a, enum sk_refusal why)
{
	return a->refused[why].n;
}

/* ---- refusing ---- */

static void
tell(struct sk_access *a, enum sk_refusal reason)
{
	static const char *const reasons[] = { "no token", "no bearer token",
		"a token that is not known", "a token that has expired", "a certificate without a role",
		"a role that does not suffice", "a name that is not this machine's",
		"a page of another site" };
	struct refused *r = &a->refused[reason];
	const int64_t now = sk_boot_ms();

	r->n++;
	if (r->told_ms != 0 && now - r->told_ms < LOG_MS)
		return;
	sk_log(SK_WARNING, "http", "%" PRIu64 " request(s) refused for %s", r->n - r->told,
		reasons[reason]);
	r->told = r->n;
	r->told_ms = now;
}

static int SK_PRINTF(4, 5) refuse(
	struct sk_access *a, struct sk_http_who *who, enum sk_refusal reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	tell(a, reason);
	who->role = SK_ROLE_NONE;
	who->name = NULL;
	who->why = a->why;
	return reason <= SK_REFUSED_EXPIRED ? 401 : 403;
}

/* ---- where it comes from ---- */

/* "localhost:8000", "127.0.0.1", "[::1]:8000". An absent one is HTTP/1.0's, no browser. */
static bool
is_loopback_host(const char *host)
{
	static const char local[] = "localhost";
	size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	const size_t len = strlen(local);

	if (n > 0 && host[n - 1] == '.') /* the root of names */
		n--;
	if (n == 0 || (n == 5 && strncmp(host, "[::1]", n) == 0))
		return true;
	if (n >= len && strncasecmp(host + n - len, local, len) == 0)
		return n == len || host[n - len - 1] == '.';
	/* an address, no name that begins like one: digits and points alone */
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= n;
}

static bool
is_listed(const char *list, const char *origin)
{
	const size_t len = strlen(origin);

	while (*list != '\0') {
		const size_t skip = strspn(list, ", "), n = strcspn(list + skip, ", ");

		if (n == len && n > 0 && memcmp(list + skip, origin, n) == 0)
			return true;
		list += skip + n;
	}
	return false;
}

/* A browser says so with everything that could change something, and with what another site's page
 * asks. */
static bool
is_own_page(const struct sk_access *a, const struct sk_http_head *head)
{
	const char *host = strstr(head->origin, "://");

	return head->origin[0] == '\0' || is_listed(a->origins, head->origin) ||
		(host != NULL && strcasecmp(host + 3, head->host) == 0);
}

/* ---- who asks ---- */

static int
by_token(struct sk_access *a, const struct sk_http_head *head, struct sk_http_who *who)
{
	static const char scheme[] = "Bearer ";
	const struct sk_token *token;
	const char *secret;
	char when[24];

	if (strncasecmp(head->authorization, scheme, strlen(scheme)) != 0)
		return refuse(a, who, SK_REFUSED_SCHEME, "expected Authorization: Bearer TOKEN");
	secret = head->authorization + strlen(scheme);
	secret += strspn(secret, " ");
	token = sk_tokens_find(&a->tokens, secret);
	if (token == NULL)
		return refuse(a, who, SK_REFUSED_UNKNOWN_TOKEN, "this token is not known here");
	if (token->expires_ms != 0 && token->expires_ms <= sk_wall_ms())
		return refuse(a, who, SK_REFUSED_EXPIRED, "the token %s has expired, at %s", token->name,
			sk_token_time(token->expires_ms, when));
	who->role = token->role;
	who->name = token->name;
	return 0;
}

/* A browser shows a certificate for every page that asks. */
static int
by_certificate(struct sk_access *a, const struct sk_http_head *head, struct sk_http_who *who)
{
	const struct sk_token *known = sk_tokens_certificate(&a->tokens, head->peer);

	if (!is_own_page(a, head))
		return refuse(a, who, SK_REFUSED_ORIGIN, "pages of other sites may not ask this");
	if (known == NULL && sk_tokens_certificates(&a->tokens) > 0)
		return refuse(a, who, SK_REFUSED_CERTIFICATE,
			"the certificate of \"%.64s\" has no role here", head->peer);
	who->role = known != NULL ? known->role : SK_ROLE_ADMIN;
	who->name = head->peer;
	return 0;
}

static int
anonymous(struct sk_access *a, const struct sk_http_head *head, struct sk_http_who *who)
{
	if (!is_loopback_host(head->host))
		return refuse(a, who, SK_REFUSED_HOST,
			"without tokens only this machine may ask, by the name localhost or its address");
	if (!is_own_page(a, head))
		return refuse(a, who, SK_REFUSED_ORIGIN, "pages of other sites may not ask this");
	who->role = SK_ROLE_ADMIN;
	return 0;
}

/* The dashboard's files hold nothing of ours: what it shows it asks for. */
static bool
is_public(const char *path)
{
	return strcmp(path, "/dashboard") == 0 || strncmp(path, "/dashboard/", 11) == 0;
}

static enum sk_role
role_for(const struct sk_http_head *head)
{
	const char *method = strcmp(head->method, "HEAD") == 0 ? "GET" : head->method;

	if (strcmp(method, "GET") == 0 && is_public(head->path))
		return SK_ROLE_NONE;
	return sk_api_role(method, head->path);
}

static int
identify(struct sk_access *a, const struct sk_http_head *head, struct sk_http_who *who)
{
	if (a->anonymous)
		return anonymous(a, head, who);
	if (head->authorization[0] != '\0')
		return by_token(a, head, who);
	if (a->cfg.certificates && head->peer[0] != '\0')
		return by_certificate(a, head, who);
	return refuse(a, who, SK_REFUSED_NO_TOKEN, "a token is needed: Authorization: Bearer TOKEN");
}

int
sk_access_authorize(struct sk_access *a, const struct sk_http_head *head, struct sk_http_who *who)
{
	const enum sk_role needed = role_for(head);
	int status;

	*who = (struct sk_http_who){ .role = SK_ROLE_NONE };
	if (needed == SK_ROLE_NONE)
		return 0;
	status = identify(a, head, who);
	if (status != 0 || who->role >= needed)
		return status;
	return refuse(a, who, SK_REFUSED_ROLE, "%s has the role %s, and this needs the role %s",
		who->name, sk_token_role_name(who->role), sk_token_role_name(needed));
}
