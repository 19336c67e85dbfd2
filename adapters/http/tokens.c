#include "adapters/http/tokens.h"
#include "core/base/mem.h"
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define CERT "cert:"
#define HASH "sha256:"
#define EXPIRES "expires="
#define PREFIX "skt_"
#define SECRET_BYTES 32

void
sk_tokens_release(struct sk_tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->items[i].name);
		if (t->items[i].secret != NULL)
			explicit_bzero(t->items[i].secret, strlen(t->items[i].secret));
		free(t->items[i].secret);
	}
	free(t->items);
	*t = (struct sk_tokens){ NULL, 0 };
}

/* ---- words ---- */

enum sk_role
sk_token_role(const char *text, size_t n)
{
	for (int r = SK_ROLE_READ; r <= SK_ROLE_ADMIN; r++) {
		const char *name = sk_token_role_name((enum sk_role)r);

		if (strlen(name) == n && memcmp(name, text, n) == 0)
			return (enum sk_role)r;
	}
	return SK_ROLE_NONE;
}

const char *
sk_token_role_name(enum sk_role role)
{
	static const char *const names[] = { "none", "read", "write", "admin" };

	return names[role];
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c != '\0' && strchr("._@-", c) != NULL);
}

bool
sk_token_name_is_good(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_word_char(name[i]))
			return false;
	return n > 0 && n <= SK_TOKEN_NAME;
}

char *
sk_token_time(int64_t ms, char buf[24])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(buf, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* A day is meant from its first second on. What no calendar has reads back as something else. */
static bool
parse_time(const char *text, size_t n, int64_t *ms)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };
	char given[24], back[24];

	if (n >= sizeof(given))
		return false;
	memcpy(given, text, n);
	given[n] = '\0';
	for (size_t i = 0; i < 2; i++) {
		struct tm tm = { 0 };
		const char *end = strptime(given, forms[i], &tm);
		time_t t;

		if (end == NULL || *end != '\0')
			continue;
		t = timegm(&tm);
		*ms = (int64_t)t * 1000;
		return t > 0 && gmtime_r(&t, &tm) != NULL &&
			strftime(back, sizeof(back), forms[i], &tm) > 0 && strcmp(back, given) == 0;
	}
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
parse_hash(const char *text, size_t n, unsigned char hash[SK_TOKEN_HASH])
{
	if (n != strlen(HASH) + 2 * SK_TOKEN_HASH || memcmp(text, HASH, strlen(HASH)) != 0)
		return false;
	text += strlen(HASH);
	for (size_t i = 0; i < SK_TOKEN_HASH; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return false;
		hash[i] = (unsigned char)(high * 16 + low);
	}
	return true;
}

/* ---- adding ---- */

static bool
is_there(const struct sk_tokens *t, const char *name, size_t n, bool certificate)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].certificate == certificate && strlen(t->items[i].name) == n &&
			memcmp(t->items[i].name, name, n) == 0)
			return true;
	return false;
}

static struct sk_token *
add(struct sk_tokens *t, const char *name, size_t n)
{
	struct sk_token *token;

	t->items = sk_xreallocarray(t->items, t->n + 1, sizeof(*t->items));
	token = &t->items[t->n++];
	*token = (struct sk_token){ .name = sk_xstrndup(name, n) };
	return token;
}

/* ---- the file ---- */

struct word {
	const char *p;
	size_t n;
};

/* The next word of a line; empty at its end. */
static struct word
next_word(const char **p, const char *end)
{
	struct word w = { NULL, 0 };

	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	w.p = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		(*p)++;
	w.n = (size_t)(*p - w.p);
	return w;
}

static const char role_help[] = "the role must be read, write or admin";

/* cert:COMMON NAME ROLE: the last word is the role. Returns what is wrong, or NULL. */
static const char *
parse_certificate(struct sk_tokens *t, const char *p, const char *end, int line)
{
	const char *role = end, *name_end;
	struct sk_token *token;

	p += strlen(CERT);
	while (role > p && role[-1] != ' ' && role[-1] != '\t')
		role--;
	for (name_end = role; name_end > p && (name_end[-1] == ' ' || name_end[-1] == '\t');)
		name_end--;
	if (name_end == p)
		return "expected cert:NAME ROLE";
	if (sk_token_role(role, (size_t)(end - role)) == SK_ROLE_NONE)
		return role_help;
	if (is_there(t, p, (size_t)(name_end - p), true))
		return "the certificate stands there twice";
	token = add(t, p, (size_t)(name_end - p));
	token->role = sk_token_role(role, (size_t)(end - role));
	token->certificate = true;
	token->line = line;
	return NULL;
}

static const char *
parse_token(struct sk_tokens *t, const char *p, const char *end, int line)
{
	struct word name = next_word(&p, end), role = next_word(&p, end), hash = next_word(&p, end);
	struct word more = next_word(&p, end), extra = next_word(&p, end);
	struct sk_token token = { .role = sk_token_role(role.p, role.n) }, *added;

	if (!sk_token_name_is_good(name.p, name.n))
		return "the name must be 1 to 64 letters, digits and ._@-";
	if (token.role == SK_ROLE_NONE)
		return role_help;
	if (!parse_hash(hash.p, hash.n, token.hash))
		return "expected sha256: and 64 hexadecimal digits behind the role";
	if (more.n > 0 &&
		(more.n <= strlen(EXPIRES) || memcmp(more.p, EXPIRES, strlen(EXPIRES)) != 0 ||
			!parse_time(more.p + strlen(EXPIRES), more.n - strlen(EXPIRES), &token.expires_ms)))
		return "expected expires=2026-12-31 or expires=2026-12-31T10:00:00Z behind the hash";
	if (extra.n > 0)
		return "there is more behind the end";
	if (is_there(t, name.p, name.n, false))
		return "a token of this name is there already";
	added = add(t, name.p, name.n);
	added->role = token.role;
	added->expires_ms = token.expires_ms;
	added->line = line;
	memcpy(added->hash, token.hash, sizeof(token.hash));
	return NULL;
}

static const char *
parse_line(struct sk_tokens *t, const char *p, const char *end, int line)
{
	while (end > p && strchr(" \t\r", end[-1]) != NULL && end[-1] != '\0')
		end--;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (memchr(p, '\0', (size_t)(end - p)) != NULL ||
		sk_utf8_bad(p, (size_t)(end - p)) != (size_t)(end - p))
		return "it is not text";
	if (p == end || *p == '#')
		return NULL;
	if ((size_t)(end - p) >= strlen(CERT) && memcmp(p, CERT, strlen(CERT)) == 0)
		return parse_certificate(t, p, end, line);
	return parse_token(t, p, end, line);
}

enum sk_code
sk_tokens_parse(struct sk_tokens *t, const char *text, size_t n, struct sk_err *err)
{
	const char *p = text, *end = text + n;

	for (int line = 1; p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *wrong;

		wrong = parse_line(t, p, nl != NULL ? nl : end, line);
		if (wrong != NULL)
			return sk_fail(err, SK_EINVAL, "line %d: %s", line, wrong);
		p = nl != NULL ? nl + 1 : end;
	}
	return SK_OK;
}

/* ---- the environment ---- */

static const char *
parse_env_one(struct sk_tokens *t, const char *p, const char *end)
{
	const char *role = memchr(p, ':', (size_t)(end - p)), *secret;
	struct sk_token *token;
	enum sk_role r;

	secret = role != NULL ? memchr(role + 1, ':', (size_t)(end - role - 1)) : NULL;
	if (secret == NULL)
		return "expected NAME:ROLE:TOKEN";
	if (!sk_token_name_is_good(p, (size_t)(role - p)))
		return "the name must be 1 to 64 letters, digits and ._@-";
	r = sk_token_role(role + 1, (size_t)(secret - role - 1));
	secret++;
	if (r == SK_ROLE_NONE)
		return role_help;
	if (end - secret < SK_TOKEN_MIN)
		return "the token has less than 16 characters and could be guessed: "
			   "`skalds token new` makes good ones";
	for (const char *c = secret; c < end; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return "the token has a character that no header may have";
	if (is_there(t, p, (size_t)(role - p), false))
		return "a token of this name is there already";
	token = add(t, p, (size_t)(role - p));
	token->role = r;
	token->secret = sk_xstrndup(secret, (size_t)(end - secret));
	return NULL;
}

enum sk_code
sk_tokens_parse_env(struct sk_tokens *t, const char *text, struct sk_err *err)
{
	for (int i = 1; *text != '\0'; i++) {
		size_t n = strcspn(text, ",");
		const char *wrong = n > 0 ? parse_env_one(t, text, text + n) : NULL;

		if (wrong != NULL)
			return sk_fail(err, SK_EINVAL, "token %d: %s", i, wrong);
		text += n + (text[n] == ',');
	}
	return SK_OK;
}

/* ---- finding ---- */

static void
hash_of(const char *secret, unsigned char hash[SK_TOKEN_HASH])
{
	if (SHA256((const unsigned char *)secret, strlen(secret), hash) == NULL)
		abort(); /* arguments of ours: only a bug gets here */
}

void
sk_tokens_seal(struct sk_tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct sk_token *token = &t->items[i];

		if (token->secret == NULL)
			continue;
		hash_of(token->secret, token->hash);
		explicit_bzero(token->secret, strlen(token->secret));
		free(token->secret);
		token->secret = NULL;
	}
}

const struct sk_token *
sk_tokens_find(const struct sk_tokens *t, const char *secret)
{
	const struct sk_token *found = NULL;
	unsigned char hash[SK_TOKEN_HASH];

	hash_of(secret, hash);
	for (size_t i = 0; i < t->n; i++)
		if (CRYPTO_memcmp(hash, t->items[i].hash, sizeof(hash)) == 0 && !t->items[i].certificate &&
			t->items[i].secret == NULL)
			found = &t->items[i];
	return found;
}

const struct sk_token *
sk_tokens_certificate(const struct sk_tokens *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].certificate && strcmp(t->items[i].name, name) == 0)
			return &t->items[i];
	return NULL;
}

size_t
sk_tokens_certificates(const struct sk_tokens *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->items[i].certificate ? 1 : 0;
	return n;
}

/* ---- making one ---- */

/* RFC 4648, "base64url" without padding. */
static void
add_base64url(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*out++ = digits[bits << (6 - have) & 63];
	*out = '\0';
}

bool
sk_token_new(char text[SK_TOKEN_TEXT])
{
	unsigned char bytes[SECRET_BYTES];
	bool good = getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes);

	memcpy(text, PREFIX, sizeof(PREFIX));
	if (good)
		add_base64url(text + strlen(PREFIX), bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

void
sk_token_line(
	struct sk_str *out, const char *name, enum sk_role role, const char *secret, int64_t expires_ms)
{
	unsigned char hash[SK_TOKEN_HASH];
	char when[24];

	hash_of(secret, hash);
	sk_str_addf(out, "%s %s " HASH, name, sk_token_role_name(role));
	for (size_t i = 0; i < sizeof(hash); i++)
		sk_str_addf(out, "%02x", hash[i]);
	if (expires_ms > 0)
		sk_str_addf(out, " " EXPIRES "%s", sk_token_time(expires_ms, when));
	sk_str_addc(out, '\n');
}
