/* tokenfile.h - the file of tokens (tokens.h): read when nobody else can, changed at once or not at
 * all. */
#ifndef SK_ADAPTERS_HTTP_TOKENFILE_H
#define SK_ADAPTERS_HTTP_TOKENFILE_H

#include "adapters/http/tokens.h"

#define SK_TOKENFILE_MAX ((size_t)1 << 20)

/* Append what stands in the file. SK_ENOENT: it is not there; SK_EINVAL: it is somebody else's,
 * others could read or write it (the sentence has the command that mends it), it is too long, a
 * line is wrong (the sentence names file and line); SK_EIO. */
enum sk_code
sk_tokenfile_read(const char *path, struct sk_tokens *t, struct sk_err *err) SK_CHECKED;

/* Add a line that sk_token_line has made, for this name; the file is made (0600) when it is not
 * there. SK_ECONFLICT: the name is there already; else as above, and SK_ENOSPC. */
enum sk_code sk_tokenfile_add(
	const char *path, const char *name, const char *line, struct sk_err *err) SK_CHECKED;
/* Remove the line of this token, or of the certificate "cert:NAME". SK_ENOENT: it is not there. */
enum sk_code sk_tokenfile_remove(const char *path, const char *name, struct sk_err *err) SK_CHECKED;

#endif
