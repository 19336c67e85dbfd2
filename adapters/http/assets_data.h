/* assets_data.h - the table of the dashboard's files, written by scripts/web.sh when the binary is
 * built. Empty where it was built without (make WEB=0). */
#ifndef SK_ADAPTERS_HTTP_ASSETS_DATA_H
#define SK_ADAPTERS_HTTP_ASSETS_DATA_H

#include <stddef.h>

struct sk_web_file {
	const char *name; /* "pages/tasks.js"; NULL ends the table */
	const char *type; /* Content-Type */
	const char *hash; /* of the content, 16 hexadecimal digits */
	const char *gz; /* the content, compressed by gzip */
	size_t gz_len;
	size_t len; /* of the content itself */
};

extern const struct sk_web_file sk_web_files[];
/* Hash of all files together; "" = there are none. */
extern const char sk_web_version[];

#endif
