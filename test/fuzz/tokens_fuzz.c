/* tokens_fuzz.c - any bytes as a file of tokens, and as the variable: what is accepted is sound, what is
 * refused is told in one line. */
#include "adapters/http/tokens.h"
#include "core/base/mem.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const struct sk_tokens *t, bool from_file)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct sk_token *token = &t->items[i];

		if (token->role < SK_ROLE_READ || token->role > SK_ROLE_ADMIN || token->expires_ms < 0 ||
			token->name[0] == '\0' || (token->line > 0) != from_file)
			abort();
		if (!token->certificate && !sk_token_name_is_good(token->name, strlen(token->name)))
			abort();
		if (token->certificate && sk_tokens_certificate(t, token->name) != token)
			abort();
		if (!from_file && strlen(token->secret) < SK_TOKEN_MIN)
			abort();
	}
}

static void
check_error(enum sk_code code, const struct sk_err *err)
{
	if (code != SK_OK && (code != SK_EINVAL || strchr(err->msg, '\n') != NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = sk_xstrndup(n > 0 ? (const char *)data : "", n); /* ends at a NUL */
	struct sk_tokens file = { NULL, 0 }, variable = { NULL, 0 };
	struct sk_err err = { SK_OK, "" };

	check_error(sk_tokens_parse(&file, n > 0 ? (const char *)data : "", n, &err), &err);
	check(&file, true);
	check_error(sk_tokens_parse_env(&variable, text, &err), &err);
	check(&variable, false);
	sk_tokens_seal(&variable);
	if (sk_tokens_find(&variable, text) != NULL && strlen(text) < SK_TOKEN_MIN)
		abort();
	sk_tokens_release(&file);
	sk_tokens_release(&variable);
	free(text);
	return 0;
}
