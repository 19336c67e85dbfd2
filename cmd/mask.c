/* mask.c - what must not be shown, and what a task must not see (declared in settings.h). */
#include "cmd/settings.h"
#include <string.h>
#include <strings.h>

#define MASK "***"

static const char *const secret_words[] = { "password", "passwd", "secret", "token", "api_key",
	"apikey", "private_key", "access_key", "credential", NULL };

static bool
has_secret_word(const char *name)
{
	for (size_t i = 0; secret_words[i] != NULL; i++)
		if (strcasestr(name, secret_words[i]) != NULL)
			return true;
	return false;
}

bool
sk_setting_is_secret_name(const char *env_name)
{
	const struct sk_setting_row *row = sk_setting_row(env_name);

	if (row != NULL && (row->type == SK_SET_SECRET || row->type == SK_SET_URI))
		return true;
	return has_secret_word(env_name);
}

/* The length of the delimiter c at p, also in its percent-encoded form; 0 when it is not there. */
static size_t
delimiter(const char *p, const char *c, const char *encoded)
{
	if (*p == *c)
		return 1;
	return strncasecmp(p, encoded, 3) == 0 ? 3 : 0;
}

/* ?name=value&…: the values of names that sound secret. */
static void
mask_query(struct sk_str *out, const char *p)
{
	while (*p != '\0') {
		size_t len = strcspn(p + 1, "&;") + 1;
		const char *eq = memchr(p, '=', len);
		char name[64];

		if (eq != NULL) {
			size_t n = (size_t)(eq - p) < sizeof(name) - 1 ? (size_t)(eq - p) : sizeof(name) - 1;

			memcpy(name, p, n);
			name[n] = '\0';
		}
		/* authMechanismProperties carries AWS session tokens and is nobody's business either. */
		if (eq != NULL && (has_secret_word(name) || strcasestr(name, "properties") != NULL)) {
			sk_str_add(out, p, (size_t)(eq - p) + 1);
			sk_str_adds(out, MASK);
		} else
			sk_str_add(out, p, len);
		p += len;
	}
}

void
sk_mask_url(struct sk_str *out, const char *text)
{
	const char *scheme = strstr(text, "://"), *p = scheme != NULL ? scheme + 3 : text;
	const char *colon = NULL, *at = NULL;

	/* The last @ of all, wherever it stands: passwords with an unescaped / or ? occur. */
	for (const char *q = p; *q != '\0'; q++) {
		if (colon == NULL && delimiter(q, ":", "%3a") > 0)
			colon = q;
		if (delimiter(q, "@", "%40") > 0)
			at = q;
	}
	sk_str_add(out, text, (size_t)(p - text));
	if (at != NULL) {
		if (colon != NULL && colon < at)
			sk_str_add(out, p, (size_t)(colon - p) + delimiter(colon, ":", "%3a"));
		sk_str_adds(out, MASK);
		p = at;
	}
	sk_str_add(out, p, strcspn(p, "?"));
	mask_query(out, p + strcspn(p, "?"));
}
