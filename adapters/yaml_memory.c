/* yaml_memory.c - what libfyaml calls in place of __asprintf_chk and __vasprintf_chk, as it calls
 * sk_xmalloc in place of malloc (Makefile, FYAML): out of memory ends the process. */
#include "core/base/mem.h"
#include <stdarg.h>
#include <stdio.h>

int sk_yaml_asprintf(char **out, int flag, const char *fmt, ...);
int sk_yaml_vasprintf(char **out, int flag, const char *fmt, va_list ap);

int
sk_yaml_vasprintf(char **out, int flag, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	(void)flag; /* how strict the formats are checked: these are the library's own */
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return n;
	*out = sk_xmalloc((size_t)n + 1);
	return vsnprintf(*out, (size_t)n + 1, fmt, ap);
}

int
sk_yaml_asprintf(char **out, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = sk_yaml_vasprintf(out, flag, fmt, ap);
	va_end(ap);
	return n;
}
