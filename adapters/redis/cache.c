#include "adapters/redis/cache.h"
#include "adapters/redis/redis.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUE ((size_t)16 << 20)
#define MAX_TTL_MS ((int64_t)100 * 365 * 86400 * 1000) /* beyond it servers refuse */

struct redis_cache {
	struct sk_cache cache;
	struct sk_redis_link link;
	struct sk_timer refuse;
	struct ask *refused, **last_refused;
};

enum question { VALUE, FIELDS, LIST };

/* What was asked for. */
struct ask {
	struct ask *next; /* among those that are refused */
	struct redis_cache *cache;
	enum question what;
	union {
		void (*value)(void *arg, enum sk_code code, bool found, const void *value, size_t n);
		void (*field)(void *arg, enum sk_code code, const char *field, const void *value, size_t n);
		void (*list)(void *arg, enum sk_code code, const char *const *items, size_t n);
	} fn;
	void *arg;
	char key[];
};

static struct redis_cache *
upcast(struct sk_cache *c)
{
	return (struct redis_cache *)c;
}

/* ---- writing ---- */

#define TEXT(s) ((struct sk_redis_arg)SK_REDIS_TEXT(s))

/* A lifetime in words: "EX" "8" as the original writes it, "PX" "60" when it is no whole second. */
struct lifetime {
	bool seconds;
	char number[24];
};

static struct lifetime
lifetime_of(int64_t ttl_ms)
{
	const int64_t ms = ttl_ms < MAX_TTL_MS ? ttl_ms : MAX_TTL_MS;
	struct lifetime t = { .seconds = ms % 1000 == 0 };

	snprintf(t.number, sizeof(t.number), "%lld", (long long)(t.seconds ? ms / 1000 : ms));
	return t;
}

static bool
takes(struct redis_cache *c)
{
	if (sk_redis_link_takes(&c->link))
		return true;
	c->link.dropped++;
	return false;
}

static void
tell(struct redis_cache *c, const struct sk_redis_arg *args, size_t n, bool value)
{
	sk_redis_link_send(
		&c->link, args, n, (struct sk_redis_wait){ .command = args[0].p, .value = value });
}

static void
cache_remove(struct sk_cache *cache, const char *key)
{
	struct redis_cache *c = upcast(cache);

	if (takes(c))
		tell(c, (struct sk_redis_arg[]){ TEXT("DEL"), TEXT(key) }, 2, true);
}

static void
cache_remove_field(struct sk_cache *cache, const char *key, const char *field)
{
	struct redis_cache *c = upcast(cache);

	if (takes(c))
		tell(c, (struct sk_redis_arg[]){ TEXT("HDEL"), TEXT(key), TEXT(field) }, 3, true);
}

static void
cache_put(struct sk_cache *cache, const char *key, const void *value, size_t n, int64_t ttl_ms)
{
	struct redis_cache *c = upcast(cache);
	const struct lifetime life = lifetime_of(ttl_ms);

	if (n > MAX_VALUE || !takes(c)) {
		c->link.dropped += n > MAX_VALUE ? 1 : 0;
		return;
	}
	if (ttl_ms < 0) /* is over already */
		tell(c, (struct sk_redis_arg[]){ TEXT("DEL"), TEXT(key) }, 2, true);
	else
		tell(c,
			(struct sk_redis_arg[]){ TEXT("SET"), TEXT(key), { value, n },
				TEXT(life.seconds ? "EX" : "PX"), TEXT(life.number) },
			ttl_ms > 0 ? 5 : 3, true);
}

/* Once it was refused it is not tried again on this connection. */
static void
on_hexpire(void *arg, const redisReply *reply)
{
	struct redis_cache *c = arg;
	struct sk_redis_link *k = &c->link;
	enum sk_redis_trouble kind;
	char sentence[400];

	if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
		return;
	k->errors++;
	kind = sk_redis_trouble_of(reply->str);
	if (kind == SK_REDIS_NOPERM || strstr(reply->str, "unknown command") != NULL) {
		k->no_hexpire = true;
		snprintf(sentence, sizeof(sentence), "a field cannot be given a lifetime%s%s: %.200s",
			k->version[0] != '\0' ? ", version " : "", k->version, reply->str);
		sk_redis_link_say(k, SK_REDIS_HEXPIRE, SK_WARNING, sentence);
	} else if (kind != SK_REDIS_WRONGTYPE) { /* HSET has said that */
		snprintf(sentence, sizeof(sentence), "HEXPIRE: %.300s", reply->str);
		sk_redis_link_say(k, kind, SK_WARNING, sentence);
	}
}

static void
cache_put_field(struct sk_cache *cache, const char *key, const char *field, const void *value,
	size_t n, int64_t ttl_ms)
{
	struct redis_cache *c = upcast(cache);
	const struct lifetime life = lifetime_of(ttl_ms);
	const bool mortal = ttl_ms > 0 && !c->link.no_hexpire;

	if (ttl_ms < 0) {
		cache_remove_field(cache, key, field);
		return;
	}
	if (n > MAX_VALUE || !takes(c)) {
		c->link.dropped += n > MAX_VALUE ? 1 : 0;
		return;
	}
	tell(c, (struct sk_redis_arg[]){ TEXT("HSET"), TEXT(key), TEXT(field), { value, n } }, 4, true);
	if (mortal)
		sk_redis_link_send(&c->link,
			(struct sk_redis_arg[]){ TEXT(life.seconds ? "HEXPIRE" : "HPEXPIRE"), TEXT(key),
				TEXT(life.number), TEXT("FIELDS"), TEXT("1"), TEXT(field) },
			6,
			(struct sk_redis_wait){
				.fn = on_hexpire, .arg = c, .command = life.seconds ? "HEXPIRE" : "HPEXPIRE" });
}

static void
push_all(struct redis_cache *c, const char *key, const char *const *items, size_t n)
{
	struct sk_redis_arg *args = sk_xreallocarray(NULL, n + 2, sizeof(*args));

	args[0] = TEXT("RPUSH");
	args[1] = TEXT(key);
	for (size_t i = 0; i < n; i++)
		args[i + 2] = TEXT(items[i]);
	tell(c, args, n + 2, false);
	free(args);
}

/* At once for readers, which the original's way is not (1.6). */
static void
cache_put_list(
	struct sk_cache *cache, const char *key, const char *const *items, size_t n, int64_t ttl_ms)
{
	struct redis_cache *c = upcast(cache);
	const struct lifetime life = lifetime_of(ttl_ms);

	if (n == 0 || ttl_ms < 0) {
		cache_remove(cache, key);
		return;
	}
	if (!takes(c))
		return;
	tell(c, (struct sk_redis_arg[]){ TEXT("MULTI") }, 1, false);
	tell(c, (struct sk_redis_arg[]){ TEXT("DEL"), TEXT(key) }, 2, false);
	push_all(c, key, items, n);
	if (ttl_ms > 0)
		tell(c,
			(struct sk_redis_arg[]){
				TEXT(life.seconds ? "EXPIRE" : "PEXPIRE"), TEXT(key), TEXT(life.number) },
			3, false);
	tell(c, (struct sk_redis_arg[]){ TEXT("EXEC") }, 1, true);
}

/* ---- reading ---- */

static void
give_nothing(const struct ask *a, enum sk_code code)
{
	switch (a->what) {
	case VALUE:
		a->fn.value(a->arg, code, false, NULL, 0);
		break;
	case FIELDS:
		a->fn.field(a->arg, code, NULL, NULL, 0);
		break;
	case LIST:
		a->fn.list(a->arg, code, NULL, 0);
		break;
	}
}

/* Names and items are texts; whoever put a NUL into one does not keep to the rules. */
static const char *
text_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING && memchr(r->str, '\0', r->len) == NULL ? r->str : NULL;
}

static void
give_fields(const struct ask *a, const redisReply *reply)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const char *field = text_of(reply->element[i]);
		const redisReply *value = reply->element[i + 1];

		if (field != NULL && value->type == REDIS_REPLY_STRING)
			a->fn.field(a->arg, SK_OK, field, value->str, value->len);
	}
	a->fn.field(a->arg, SK_OK, NULL, NULL, 0);
}

static void
give_list(const struct ask *a, const redisReply *reply)
{
	const char **items = sk_xreallocarray(NULL, reply->elements + 1, sizeof(*items));
	size_t n = 0;

	for (size_t i = 0; i < reply->elements; i++) {
		items[n] = text_of(reply->element[i]);
		n += items[n] != NULL ? 1 : 0;
	}
	a->fn.list(a->arg, SK_OK, items, n);
	free(items);
}

static void
give_error(const struct ask *a, const char *text)
{
	char subject[200];

	snprintf(subject, sizeof(subject), "reading %.150s", a->key);
	sk_redis_link_error(&a->cache->link, subject, text);
	/* what is of another type is not what was asked for */
	give_nothing(a, sk_redis_trouble_of(text) == SK_REDIS_WRONGTYPE ? SK_OK : SK_EUNAVAIL);
}

static void
on_answer(void *arg, const redisReply *reply)
{
	struct ask *a = arg;
	struct sk_redis_link *k = &a->cache->link;

	if (reply == NULL && !k->closing) {
		k->refused++;
		give_nothing(a, SK_EUNAVAIL);
	} else if (reply == NULL) {
		/* nobody is told at the end */
	} else if (reply->type == REDIS_REPLY_ERROR) {
		give_error(a, reply->str);
	} else if (a->what == VALUE && reply->type == REDIS_REPLY_STRING) {
		a->fn.value(a->arg, SK_OK, true, reply->str, reply->len);
	} else if (a->what == FIELDS && reply->type == REDIS_REPLY_ARRAY) {
		give_fields(a, reply);
	} else if (a->what == LIST && reply->type == REDIS_REPLY_ARRAY) {
		give_list(a, reply);
	} else {
		give_nothing(a, reply->type == REDIS_REPLY_NIL ? SK_OK : SK_EUNAVAIL);
	}
	free(a);
}

static void
refuse_all(void *arg)
{
	struct redis_cache *c = arg;
	struct ask *list = c->refused;

	c->refused = NULL;
	c->last_refused = &c->refused;
	while (list != NULL) {
		struct ask *next = list->next;

		on_answer(list, NULL);
		list = next;
	}
}

static struct ask *
ask_new(struct redis_cache *c, enum question what, const char *key, void *arg)
{
	const size_t n = strlen(key) + 1;
	struct ask *a = sk_xcalloc(1, sizeof(*a) + n);

	a->cache = c;
	a->what = what;
	a->arg = arg;
	memcpy(a->key, key, n);
	return a;
}

static void
ask(struct ask *a, const struct sk_redis_arg *args, size_t n)
{
	struct redis_cache *c = a->cache;

	if (sk_redis_link_takes(&c->link)) {
		sk_redis_link_send(&c->link, args, n,
			(struct sk_redis_wait){ .fn = on_answer, .arg = a, .command = args[0].p });
		return;
	}
	*c->last_refused = a;
	c->last_refused = &a->next;
	if (c->refuse.pos == 0)
		sk_timer_set(c->link.loop, &c->refuse, 0);
}

static void
cache_get(struct sk_cache *cache, const char *key,
	void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n), void *arg)
{
	struct ask *a = ask_new(upcast(cache), VALUE, key, arg);

	a->fn.value = fn;
	ask(a, (struct sk_redis_arg[]){ TEXT("GET"), TEXT(key) }, 2);
}

static void
cache_get_fields(struct sk_cache *cache, const char *key,
	void (*fn)(void *arg, enum sk_code code, const char *field, const void *value, size_t n),
	void *arg)
{
	struct ask *a = ask_new(upcast(cache), FIELDS, key, arg);

	a->fn.field = fn;
	ask(a, (struct sk_redis_arg[]){ TEXT("HGETALL"), TEXT(key) }, 2);
}

static void
cache_get_list(struct sk_cache *cache, const char *key,
	void (*fn)(void *arg, enum sk_code code, const char *const *items, size_t n), void *arg)
{
	struct ask *a = ask_new(upcast(cache), LIST, key, arg);

	a->fn.list = fn;
	ask(a, (struct sk_redis_arg[]){ TEXT("LRANGE"), TEXT(key), TEXT("0"), TEXT("-1") }, 4);
}

/* ---- begin and end ---- */

static void
cache_close(struct sk_cache *cache)
{
	struct redis_cache *c = upcast(cache);

	sk_timer_clear(c->link.loop, &c->refuse);
	sk_redis_link_release(&c->link); /* from now on it is closing */
	refuse_all(c);
	free(c);
}

static const struct sk_cache_ops ops = {
	.name = "redis",
	.put = cache_put,
	.put_field = cache_put_field,
	.put_list = cache_put_list,
	.remove = cache_remove,
	.remove_field = cache_remove_field,
	.get = cache_get,
	.get_fields = cache_get_fields,
	.get_list = cache_get_list,
	.close = cache_close,
};

struct sk_cache *
sk_cache_redis_open(const struct sk_cache_redis_config *cfg, struct sk_err *err)
{
	struct redis_cache *c = sk_xcalloc(1, sizeof(*c));

	c->cache.ops = &ops;
	c->last_refused = &c->refused;
	c->refuse = (struct sk_timer){ .fn = refuse_all, .arg = c };
	if (sk_redis_link_init(&c->link, cfg, err))
		return &c->cache;
	free(c);
	return NULL;
}

struct sk_cache_redis_state
sk_cache_redis_state(const struct sk_cache *cache)
{
	const struct sk_redis_link *k = &((const struct redis_cache *)cache)->link;

	return (struct sk_cache_redis_state){
		.connected = k->stage == SK_REDIS_READY,
		.since_ms = k->since_ms,
		.where = k->where,
		.version = k->version,
		.has_hexpire = !k->no_hexpire,
		.connects = k->connects,
		.sent = k->sent,
		.answered = k->answered,
		.writes = k->writes,
		.dropped = k->dropped,
		.refused = k->refused,
		.errors = k->errors,
		.unsent = sk_redis_lane_unsent(&k->main),
		.waiting = k->main.n,
		.last_error = k->last_error,
		.last_error_ms = k->last_error_ms,
	};
}
