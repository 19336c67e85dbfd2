#include "core/base/err.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum sk_code
sk_fail(struct sk_err *err, enum sk_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

enum sk_code
sk_fail_errno(struct sk_err *err, const char *fmt, ...)
{
	int saved = errno;
	enum sk_code code = saved == ENOSPC || saved == EDQUOT ? SK_ENOSPC : SK_EIO;
	char what[400];
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err->code = code;
	snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(saved));
	errno = saved;
	return code;
}

enum sk_code
sk_wrap(struct sk_err *err, const char *what)
{
	char old[sizeof(err->msg)];

	memcpy(old, err->msg, sizeof(old));
	old[sizeof(old) - 1] = '\0';
	snprintf(err->msg, sizeof(err->msg), "%.100s: %.400s", what, old);
	return err->code;
}

const char *
sk_code_name(enum sk_code code)
{
	switch (code) {
	case SK_OK:
		return "ok";
	case SK_EINVAL:
		return "invalid";
	case SK_ENOENT:
		return "not found";
	case SK_ECONFLICT:
		return "conflict";
	case SK_EAGAIN:
		return "try again";
	case SK_ECANCELED:
		return "cancelled";
	case SK_EUNAVAIL:
		return "unavailable";
	case SK_ENOSPC:
		return "no space";
	case SK_EIO:
		return "system failure";
	}
	return "unknown";
}
