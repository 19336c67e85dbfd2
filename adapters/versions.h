/* versions.h - what this program is and what is linked into it. */
#ifndef SK_ADAPTERS_VERSIONS_H
#define SK_ADAPTERS_VERSIONS_H

#include <stddef.h>

/* The program's own version, from git when it was built; never NULL. */
const char *sk_version(void);
/* The compiler that built it and the C library in it; never NULL. */
const char *sk_version_compiler(void);

typedef void sk_entry_fn(void);

struct sk_library {
	const char *name; /* "librdkafka" */
	const char *use; /* what it does here: "Kafka" */
	/* Calls into the library; the text is static. NULL when the library does not work. */
	const char *(*version)(void);
	/* What the program uses of it: named here so that all of it is linked, and a missing part of a
	 * library stops the build. */
	sk_entry_fn *entry[2];
};

/* Every linked library; ends with a NULL name. */
extern const struct sk_library sk_libraries[];

#endif
