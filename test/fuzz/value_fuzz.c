/* value_fuzz.c - any bytes as an encoded value: what is accepted is encoded to the same bytes. */
#include "core/base/value.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_err err = { .code = SK_OK };
	struct sk_value *v = sk_value_decode(a, data, n, &err);
	struct sk_str bytes = SK_STR_INIT;

	if ((v == NULL) != (err.code == SK_EINVAL))
		abort();
	if (v != NULL) {
		sk_value_encode(&bytes, v);
		if (bytes.len != n || memcmp(bytes.p, data, n) != 0)
			abort();
		sk_str_clear(&bytes);
		sk_value_json(&bytes, v);
	}
	sk_str_release(&bytes);
	sk_arena_free(a);
	return 0;
}
