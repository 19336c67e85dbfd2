/* probe.c - the cache's kind of connection, on a loop of its own, one command after the other. */
#include "adapters/redis/redis.h"
#include "core/base/clock.h"
#include "core/model/names.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WANTED 704 /* HEXPIRE came with 7.4 */
#define SKEW_MS 2000 /* controllers of the original take a node for dead after 10 s */
#define MAX_WORDS 8

struct probe {
	struct sk_loop *loop;
	struct sk_redis_link link;
	sk_redis_report_fn *report;
	void *arg;
	int64_t end_ms;
	bool broken; /* an error was reported */
	unsigned said; /* 1 << kind: what is so for every command is told once */
	bool answered;
	int type; /* of the last answer, 0 = none */
	struct sk_str text, second; /* its text or number, or those of its first two elements */
};

static void __attribute__((format(printf, 3, 4)))
tell(struct probe *p, enum sk_level level, const char *fmt, ...)
{
	struct sk_str s = SK_STR_INIT;
	va_list ap;

	sk_str_addf(&s, "redis %s: ", p->link.where);
	va_start(ap, fmt);
	sk_str_vaddf(&s, fmt, ap);
	va_end(ap);
	p->broken = p->broken || level >= SK_ERROR;
	p->report(p->arg, level, s.p);
	sk_str_release(&s);
}

/* With what to do about it. */
static void
tell_error(struct probe *p, enum sk_level level, const char *what, enum sk_redis_trouble kind)
{
	const char *advice = sk_redis_advice(kind);

	tell(p, level, "%s: %s%s%s", what, sk_str_text(&p->text), *advice != '\0' ? "; " : "", advice);
}

/* ---- one command ---- */

static void
keep(struct sk_str *s, const redisReply *r)
{
	sk_str_clear(s);
	if (r->type == REDIS_REPLY_INTEGER)
		sk_json_int(s, r->integer);
	else if (r->str != NULL)
		sk_str_add(s, r->str, r->len);
}

static void
on_answer(void *arg, const redisReply *reply)
{
	struct probe *p = arg;

	p->answered = true;
	p->type = reply != NULL ? reply->type : 0;
	sk_str_clear(&p->text);
	sk_str_clear(&p->second);
	if (reply == NULL)
		return;
	keep(&p->text, reply);
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0)
		keep(&p->text, reply->element[0]);
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 1)
		keep(&p->second, reply->element[1]);
}

static void
run_until(struct probe *p, bool (*done)(const struct probe *p))
{
	while (!done(p)) {
		const int64_t left = p->end_ms - sk_boot_ms();

		if (left <= 0)
			break;
		sk_loop_once(p->loop, left);
	}
}

static bool
has_answer(const struct probe *p)
{
	return p->answered;
}

/* false: an error, or no answer; the text says which. */
static bool
ask(struct probe *p, const char *const *words, size_t n)
{
	struct sk_redis_arg args[MAX_WORDS];

	p->answered = false;
	p->type = 0;
	for (size_t i = 0; i < n; i++)
		args[i] = (struct sk_redis_arg)SK_REDIS_TEXT(words[i]);
	if (sk_redis_link_takes(&p->link)) {
		sk_redis_link_send(&p->link, args, n,
			(struct sk_redis_wait){ .fn = on_answer, .arg = p, .command = words[0] });
		run_until(p, has_answer);
	}
	if (p->answered && p->type != 0)
		return p->type != REDIS_REPLY_ERROR;
	sk_str_clear(&p->text);
	sk_str_adds(
		&p->text, p->link.stage == SK_REDIS_READY ? "no answer in time" : p->link.last_error);
	return false;
}
#define ASK(p, ...) \
	ask(p, (const char *[]){ __VA_ARGS__ }, \
		sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

/* ---- what is looked at ---- */

static bool
has_tried(const struct probe *p)
{
	return p->link.stage == SK_REDIS_READY ||
		(p->link.stage == SK_REDIS_AWAY && p->link.attempt > 0);
}

static bool
reach(struct probe *p)
{
	const int64_t begin = sk_boot_ms();
	int version;

	run_until(p, has_tried);
	if (p->link.stage != SK_REDIS_READY) {
		tell(p, SK_ERROR, "%s",
			p->link.last_error[0] != '\0' ? p->link.last_error : "no answer in time");
		return false;
	}
	version = sk_redis_version(p->link.version);
	tell(p, SK_INFO, "reached in %" PRId64 " ms, version %s", sk_boot_ms() - begin,
		p->link.version[0] != '\0' ? p->link.version : "not told");
	if (version > 0 && version < WANTED)
		tell(p, SK_WARNING, "version %s is older than 7.4: %s", p->link.version,
			sk_redis_advice(SK_REDIS_HEXPIRE));
	if (p->link.no_password)
		tell(p, SK_WARNING, "it asks nobody for a password; REDIS_PASSWORD was given for nothing");
	return true;
}

static void
look_at_clock(struct probe *p)
{
	const int64_t before = sk_wall_ms();
	int64_t skew;

	if (!ASK(p, "TIME")) {
		tell(p, SK_INFO, "its clock cannot be seen: %s", sk_str_text(&p->text));
		return;
	}
	skew = (int64_t)strtoll(sk_str_text(&p->text), NULL, 10) * 1000 +
		(int64_t)strtoll(sk_str_text(&p->second), NULL, 10) / 1000 - (before + sk_wall_ms()) / 2;
	if (llabs(skew) >= SKEW_MS)
		tell(p, SK_WARNING,
			"its clock is %.1f s %s this host's: controllers of the original take nodes with such "
			"a "
			"clock for dead; set both by NTP",
			(double)llabs(skew) / 1000, skew > 0 ? "ahead of" : "behind");
	else
		tell(p, SK_INFO, "its clock is %" PRId64 " ms from this host's", skew);
}

static void
look_at_memory(struct probe *p, const char *info)
{
	char max[32], policy[32];

	sk_redis_info(info, "maxmemory", max, sizeof(max));
	sk_redis_info(info, "maxmemory_policy", policy, sizeof(policy));
	if (policy[0] == '\0')
		return;
	if (strtoll(max, NULL, 10) == 0)
		tell(p, SK_INFO, "it has no limit of memory (policy %s)", policy);
	else if (strcmp(policy, "noeviction") == 0)
		tell(p, SK_INFO,
			"full at %s bytes it refuses writes (noeviction): presence and output are "
			"lost then",
			max);
	else
		tell(p, SK_INFO, "full at %s bytes it may evict keys (%s): skalds bears that", max, policy);
}

static void
look_at_server(struct probe *p)
{
	char value[32];

	if (ASK(p, "INFO", "replication")) {
		sk_redis_info(p->text.p, "role", value, sizeof(value));
		if (strcmp(value, "slave") == 0) {
			tell(p, SK_ERROR, "%s", sk_redis_advice(SK_REDIS_READONLY));
			p->said |= 1u << SK_REDIS_READONLY;
		}
	}
	if (ASK(p, "INFO", "server")) {
		sk_redis_info(p->text.p, "redis_mode", value, sizeof(value));
		if (strcmp(value, "cluster") == 0) {
			tell(p, SK_ERROR, "%s", sk_redis_advice(SK_REDIS_CLUSTER));
			p->said |= 1u << SK_REDIS_CLUSTER;
		}
	}
	if (ASK(p, "INFO", "memory"))
		look_at_memory(p, p->text.p);
}

/* ---- what is tried ---- */

struct keys {
	char name[64], task[128], skald[128], output[128], hash[128], list[128];
};

/* Of the patterns that skalds uses (names.h): who may do it here may do it there. */
static void
make_keys(struct keys *k)
{
	snprintf(k->name, sizeof(k->name), "skalds.probe-%d-%" PRIx64, (int)getpid(),
		(uint64_t)sk_boot_ns());
	snprintf(k->task, sizeof(k->task), SK_KEY_TASK_HEARTBEAT, k->name);
	snprintf(k->skald, sizeof(k->skald), SK_KEY_SKALD_HEARTBEAT, k->name);
	snprintf(k->output, sizeof(k->output), SK_KEY_OUTPUT, k->name, 0u);
	snprintf(k->hash, sizeof(k->hash), "skalds:%s:probe-hash", k->name);
	snprintf(k->list, sizeof(k->list), SK_KEY_SKALD_CLASSES, k->name);
}

static void
must(struct probe *p, bool ok, const char *command, const char *key)
{
	const enum sk_redis_trouble kind = sk_redis_trouble_of(sk_str_text(&p->text));
	char what[192];

	if (ok || p->link.stage != SK_REDIS_READY)
		return;
	snprintf(what, sizeof(what), "%s%s%s", command, *key != '\0' ? " " : "", key);
	if (kind == SK_REDIS_NOPERM || kind == SK_REDIS_OTHER || (p->said & 1u << kind) == 0)
		tell_error(p, SK_ERROR, what, kind);
	p->said |= 1u << kind;
	p->broken = true;
}

/* Redis before 7.4, or a user who may not: the one command that can be done without. */
static bool
lacks_hexpire(const struct probe *p)
{
	return p->answered &&
		(sk_redis_trouble_of(sk_str_text(&p->text)) == SK_REDIS_NOPERM ||
			strstr(sk_str_text(&p->text), "unknown command") != NULL);
}

static void
try_value(struct probe *p, const char *key)
{
	must(p, ASK(p, "SET", key, "1", "EX", "8"), "SET", key);
	must(p, ASK(p, "GET", key), "GET", key);
	must(p, ASK(p, "DEL", key), "DEL", key);
}

static void
try_hash(struct probe *p, const struct keys *k)
{
	must(p, ASK(p, "HSET", k->hash, k->name, "1"), "HSET", k->hash);
	if (!ASK(p, "HEXPIRE", k->hash, "8", "FIELDS", "1", k->name)) {
		if (lacks_hexpire(p))
			tell_error(p, SK_WARNING, "a field cannot be given a lifetime", SK_REDIS_HEXPIRE);
		else
			must(p, false, "HEXPIRE", k->hash);
	}
	must(p, ASK(p, "HGETALL", k->hash), "HGETALL", k->hash);
	must(p, ASK(p, "HDEL", k->hash, k->name), "HDEL", k->hash);
	must(p, ASK(p, "HGETALL", SK_KEY_SKALDS), "HGETALL", SK_KEY_SKALDS);
	must(p, ASK(p, "HGETALL", SK_KEY_MODES), "HGETALL", SK_KEY_MODES);
}

static void
try_list(struct probe *p, const struct keys *k)
{
	must(p, ASK(p, "MULTI"), "MULTI", "");
	must(p, ASK(p, "DEL", k->list), "DEL", k->list);
	must(p, ASK(p, "RPUSH", k->list, "1"), "RPUSH", k->list);
	must(p, ASK(p, "EXPIRE", k->list, "8"), "EXPIRE", k->list);
	if (!ASK(p, "EXEC") && strncmp(sk_str_text(&p->text), "EXECABORT", 9) != 0)
		must(p, false, "EXEC", "");
	must(p, ASK(p, "LRANGE", k->list, "0", "-1"), "LRANGE", k->list);
	must(p, ASK(p, "DEL", k->list), "DEL", k->list);
}

static void
try_commands(struct probe *p)
{
	const bool before = p->broken;
	struct keys k;

	make_keys(&k);
	p->broken = false;
	try_value(p, k.task);
	try_value(p, k.skald);
	try_value(p, k.output);
	try_hash(p, &k);
	try_list(p, &k);
	if (p->link.stage != SK_REDIS_READY)
		tell(p, SK_ERROR, "%s", p->link.last_error);
	else if (sk_boot_ms() >= p->end_ms)
		tell(p, SK_ERROR, "it is too slow: the commands of skalds were not answered in time");
	else if (!p->broken)
		tell(p, SK_INFO, "every command that skalds uses is allowed and works");
	p->broken = p->broken || before;
}

bool
sk_redis_probe(const struct sk_cache_redis_config *cfg, int64_t timeout_ms,
	sk_redis_report_fn *report, void *arg)
{
	struct sk_cache_redis_config own = *cfg;
	struct probe p = { .report = report, .arg = arg, .end_ms = sk_boot_ms() + timeout_ms };
	struct sk_err err;

	own.loop = p.loop = sk_loop_new(&err);
	if (p.loop == NULL || !sk_redis_link_init(&p.link, &own, &err)) {
		report(arg, SK_ERROR, err.msg);
		sk_loop_free(p.loop);
		return false;
	}
	p.link.once = true;
	if (reach(&p)) {
		look_at_clock(&p);
		look_at_server(&p);
		try_commands(&p);
	}
	sk_redis_link_release(&p.link);
	sk_loop_free(p.loop);
	sk_str_release(&p.text);
	sk_str_release(&p.second);
	return !p.broken;
}
