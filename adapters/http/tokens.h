/* tokens.h - who may use the API over the network: tokens and certificates with their roles.
 *
 * A file has one of these a line, # begins a comment:
 *	NAME ROLE sha256:HEX [expires=2026-12-31 or expires=2026-12-31T10:00:00Z]
 *	cert:COMMON NAME ROLE
 * ROLE is read, write or admin (core/control/api.h). HEX is the SHA-256 of the token, which itself
 * is nowhere: made of 256 random bits, it needs no salt and no slow hash. A certificate is one that
 * the server has verified; its subject's common name may contain blanks.
 *
 * An environment variable, for containers, has the tokens themselves: "NAME:ROLE:TOKEN,…". */
#ifndef SK_ADAPTERS_HTTP_TOKENS_H
#define SK_ADAPTERS_HTTP_TOKENS_H

#include "core/base/str.h"
#include "core/control/api.h"

#define SK_TOKEN_HASH ((size_t)32)
#define SK_TOKEN_NAME 64 /* bytes of a token's name at most */
#define SK_TOKEN_MIN 16 /* bytes of a token from the environment at least */

struct sk_token {
	char *name; /* of the token, or the common name of a certificate */
	enum sk_role role;
	bool certificate; /* then there is no hash */
	int64_t expires_ms; /* wall clock; 0 = never */
	unsigned char hash[SK_TOKEN_HASH];
	char *secret; /* from the environment, until sk_tokens_seal; NULL = none */
	int line; /* in the file; 0 = from the environment */
};

struct sk_tokens {
	struct sk_token *items;
	size_t n;
};

void sk_tokens_release(struct sk_tokens *t);

/* Append what stands in the text of a file. SK_EINVAL and a sentence with the line's number; it
 * never quotes what may be a secret. */
enum sk_code
sk_tokens_parse(struct sk_tokens *t, const char *text, size_t n, struct sk_err *err) SK_CHECKED;
/* The same of the variable's text. Calls no library: what is checked here may be checked in a
 * process that must not have one. Nothing is found before sk_tokens_seal. */
enum sk_code
sk_tokens_parse_env(struct sk_tokens *t, const char *text, struct sk_err *err) SK_CHECKED;
/* Hash the secrets that are still there and forget them. */
void sk_tokens_seal(struct sk_tokens *t);

/* Whose token this is: compared with all, in a time that tells nothing about them. NULL when it is
 * nobody's; one that has expired is found. */
const struct sk_token *sk_tokens_find(const struct sk_tokens *t, const char *secret);
/* The certificate with this common name, or NULL. */
const struct sk_token *sk_tokens_certificate(const struct sk_tokens *t, const char *name);
/* How many are certificates. */
size_t sk_tokens_certificates(const struct sk_tokens *t);

/* A new token: "skt_" and 43 characters that no URL and no shell minds. False when the system has
 * no random bytes. */
#define SK_TOKEN_TEXT 48
bool sk_token_new(char text[SK_TOKEN_TEXT]);
/* The line for a file, with its newline. expires_ms as above, whole seconds are kept. */
void sk_token_line(struct sk_str *out, const char *name, enum sk_role role, const char *secret,
	int64_t expires_ms);
/* Letters, digits and "._@-", at most SK_TOKEN_NAME bytes. */
bool sk_token_name_is_good(const char *name, size_t n);
/* "read", "write", "admin". */
const char *sk_token_role_name(enum sk_role role);
/* SK_ROLE_NONE when it is none of these. */
enum sk_role sk_token_role(const char *text, size_t n);
/* "2026-12-31T10:00:00Z" into a buffer of 24 bytes. */
char *sk_token_time(int64_t ms, char buf[24]);

#endif
