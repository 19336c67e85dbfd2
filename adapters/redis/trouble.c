#include "adapters/redis/redis.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was not seen for so long is said again. */
#define QUIET_MS 600000

static const struct {
	const char *prefix;
	enum sk_redis_trouble kind;
} words[] = {
	{ "READONLY", SK_REDIS_READONLY },
	{ "MASTERDOWN", SK_REDIS_READONLY },
	{ "LOADING", SK_REDIS_LOADING },
	{ "BUSY", SK_REDIS_LOADING },
	{ "OOM", SK_REDIS_OOM },
	{ "MISCONF", SK_REDIS_MISCONF },
	{ "NOREPLICAS", SK_REDIS_MISCONF },
	{ "NOPERM", SK_REDIS_NOPERM },
	{ "NOAUTH", SK_REDIS_AUTH },
	{ "WRONGPASS", SK_REDIS_AUTH },
	{ "WRONGTYPE", SK_REDIS_WRONGTYPE },
	{ "MOVED", SK_REDIS_CLUSTER },
	{ "ASK", SK_REDIS_CLUSTER },
	{ "CROSSSLOT", SK_REDIS_CLUSTER },
	{ "CLUSTERDOWN", SK_REDIS_CLUSTER },
	{ "TRYAGAIN", SK_REDIS_CLUSTER },
};

enum sk_redis_trouble
sk_redis_trouble_of(const char *text)
{
	const size_t n = strcspn(text, " ");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].prefix) == n && memcmp(text, words[i].prefix, n) == 0)
			return words[i].kind;
	return SK_REDIS_OTHER;
}

const char *
sk_redis_advice(enum sk_redis_trouble kind)
{
	static const char *const advice[SK_N_REDIS_TROUBLE] = {
		[SK_REDIS_REACH] = "check REDIS_HOST, REDIS_PORT and that the server runs",
		[SK_REDIS_TLS] = "check REDIS_TLS, REDIS_CA_FILE, the name in the server's "
						 "certificate, and whether it wants one of ours (REDIS_CERT_FILE)",
		[SK_REDIS_AUTH] = "check REDIS_USERNAME and REDIS_PASSWORD",
		[SK_REDIS_GREET] =
			"check that REDIS_HOST and REDIS_PORT are those of a Redis, and REDIS_TLS",
		[SK_REDIS_READONLY] = "it is a replica: give REDIS_HOST the address of its primary",
		[SK_REDIS_LOADING] = "it is busy for now; what is put meanwhile is lost",
		[SK_REDIS_OOM] = "it has no memory left: raise its maxmemory, or let it evict what has a "
						 "lifetime (maxmemory-policy volatile-ttl)",
		[SK_REDIS_MISCONF] =
			"it refuses writes because of its disk or its replicas: see its own log",
		[SK_REDIS_NOPERM] = "let the user do it: ACL SETUSER NAME ~skalds* ~task:* +@read +@write "
							"+@transaction +ping +info +client|setname",
		[SK_REDIS_WRONGTYPE] =
			"another program keeps something else under this key: remove it there",
		[SK_REDIS_CLUSTER] =
			"it is part of a Redis cluster, which skalds does not speak: give it a "
			"server of its own",
		[SK_REDIS_HEXPIRE] =
			"fields of skalds that end without a word stay until a controller removes "
			"them; Redis 7.4 and later have it",
		[SK_REDIS_FULL] = "more is put than it takes: see how busy the server and the network are",
	};

	return advice[kind] != NULL ? advice[kind] : "";
}

void
sk_redis_link_say(
	struct sk_redis_link *k, enum sk_redis_trouble kind, enum sk_level level, const char *sentence)
{
	const int64_t now = sk_boot_ms();
	const char *advice = sk_redis_advice(kind);
	/* those of the connection are forgotten when it has stood for a while (link.c) */
	const int64_t quiet_ms = kind < SK_REDIS_READONLY ? INT64_MAX : QUIET_MS;
	const bool again = k->said_ms[kind] == 0 || now - k->said_ms[kind] > quiet_ms;

	k->said_ms[kind] = now;
	k->last_error_ms = sk_wall_ms();
	snprintf(k->last_error, sizeof(k->last_error), "%s%s%s", sentence, *advice != '\0' ? "; " : "",
		advice);
	if (again && !k->once)
		sk_log(level, k->component, "redis %s: %s", k->where, k->last_error);
}

void
sk_redis_link_error(struct sk_redis_link *k, const char *subject, const char *text)
{
	char sentence[320];

	k->errors++;
	/* what EXEC says of a command that was refused before */
	if (strncmp(text, "EXECABORT", 9) == 0)
		return;
	snprintf(sentence, sizeof(sentence), "%s: %s", subject, text);
	sk_redis_link_say(k, sk_redis_trouble_of(text), SK_WARNING, sentence);
}

const char *
sk_redis_info(const char *info, const char *name, char *buf, size_t size)
{
	const size_t n = strlen(name);

	buf[0] = '\0';
	for (const char *line = info; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n' ? 1 : 0;
		if (strncmp(line, name, n) == 0 && line[n] == ':') {
			snprintf(buf, size, "%.*s", (int)strcspn(line + n + 1, "\r\n"), line + n + 1);
			break;
		}
	}
	return buf;
}

int
sk_redis_version(const char *text)
{
	char *end;
	const long major = strtol(text, &end, 10);
	long minor;

	if (end == text || *end != '.' || major < 0 || major > 9999)
		return 0;
	minor = strtol(end + 1, NULL, 10);
	return minor >= 0 && minor < 100 ? (int)(major * 100 + minor) : 0;
}
