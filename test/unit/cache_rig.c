#include "test/unit/cache_rig.h"
#include "adapters/local/cache.h"
#include "core/base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void value_fn(void *arg, enum sk_code code, bool found, const void *value, size_t n);

static struct cr *
upcast(struct sk_cache *c)
{
	return (struct cr *)(void *)c;
}

static void
note(struct cr *c, const char *what, const char *key, const char *field, const void *value,
	size_t n, int64_t ttl_ms)
{
	if (!c->quiet)
		sk_str_addf(&c->log, "%s%s %s%s%s %.*s %lld\n", c->away ? "lost " : "", what, key,
			field[0] != '\0' ? " " : "", field, (int)n, n > 0 ? (const char *)value : "",
			(long long)ttl_ms);
}

static void
put(struct sk_cache *cache, const char *key, const void *value, size_t n, int64_t ttl_ms)
{
	struct cr *c = upcast(cache);

	note(c, "put", key, "", value, n, ttl_ms);
	if (!c->away)
		c->inner->ops->put(c->inner, key, value, n, ttl_ms);
}

static void
put_field(struct sk_cache *cache, const char *key, const char *field, const void *value, size_t n,
	int64_t ttl_ms)
{
	struct cr *c = upcast(cache);

	note(c, "field", key, field, value, n, ttl_ms);
	if (!c->away)
		c->inner->ops->put_field(c->inner, key, field, value, n, ttl_ms);
}

static void
put_list(
	struct sk_cache *cache, const char *key, const char *const *items, size_t n, int64_t ttl_ms)
{
	struct cr *c = upcast(cache);
	struct sk_str all = SK_STR_INIT;

	for (size_t i = 0; i < n; i++)
		sk_str_addf(&all, "%s%s", i > 0 ? "," : "", items[i]);
	note(c, "list", key, "", sk_str_text(&all), all.len, ttl_ms);
	sk_str_release(&all);
	if (!c->away)
		c->inner->ops->put_list(c->inner, key, items, n, ttl_ms);
}

static void
remove_key(struct sk_cache *cache, const char *key)
{
	struct cr *c = upcast(cache);

	note(c, "remove", key, "", NULL, 0, 0);
	if (!c->away)
		c->inner->ops->remove(c->inner, key);
}

static void
remove_field(struct sk_cache *cache, const char *key, const char *field)
{
	struct cr *c = upcast(cache);

	note(c, "unfield", key, field, NULL, 0, 0);
	if (!c->away)
		c->inner->ops->remove_field(c->inner, key, field);
}

/* ---- what is asked of one that is away ---- */

struct refusal {
	struct sk_timer timer;
	value_fn *fn;
	void *arg;
};

static void
refuse(void *arg)
{
	struct refusal *r = arg;
	struct refusal copy = *r;

	free(r);
	copy.fn(copy.arg, SK_EUNAVAIL, false, NULL, 0);
}

static void
get(struct sk_cache *cache, const char *key, value_fn *fn, void *arg)
{
	struct cr *c = upcast(cache);
	struct refusal *r;

	c->n_gets++;
	if (!c->away) {
		c->inner->ops->get(c->inner, key, fn, arg);
		return;
	}
	r = sk_xcalloc(1, sizeof(*r));
	*r = (struct refusal){ .timer = { .fn = refuse, .arg = r }, .fn = fn, .arg = arg };
	sk_timer_set(c->loop, &r->timer, 0);
}

static const struct sk_cache_ops ops = { .name = "rig",
	.put = put,
	.put_field = put_field,
	.put_list = put_list,
	.remove = remove_key,
	.remove_field = remove_field,
	.get = get };

void
cr_open(struct cr *c, struct sk_loop *loop)
{
	const struct sk_cache_local_config cfg = { .loop = loop };

	*c = (struct cr){ .cache = { .ops = &ops }, .inner = sk_cache_local_open(&cfg), .loop = loop };
}

void
cr_close(struct cr *c)
{
	c->inner->ops->close(c->inner);
	sk_str_release(&c->log);
}

/* ---- for tests ---- */

struct answer {
	char text[4096];
	bool done;
};

static void
answered(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct answer *a = arg;

	(void)code;
	if (found)
		snprintf(a->text, sizeof(a->text), "%.*s", (int)n, (const char *)value);
	a->done = true;
}

const char *
cr_get(struct cr *c, const char *key)
{
	static struct answer answers[4];
	static unsigned turn;
	struct answer *a = &answers[turn++ % 4];

	*a = (struct answer){ "", false };
	c->inner->ops->get(c->inner, key, answered, a);
	while (!a->done)
		sk_loop_once(c->loop, 1);
	return a->text;
}

const char *
cr_task(struct cr *c, const char *id, const char *what)
{
	char key[128];

	snprintf(key, sizeof(key), "task:%s:%s", id, what);
	return cr_get(c, key);
}

void
cr_put(struct cr *c, const char *key, const char *value)
{
	c->inner->ops->put(c->inner, key, value, strlen(value), 0);
}

long
cr_at(const struct cr *c, const char *text)
{
	const char *at = strstr(sk_str_text(&c->log), text);

	return at != NULL ? (long)(at - c->log.p) : -1;
}
