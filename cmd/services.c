#include "cmd/services.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"

unsigned
sk_services_set(const struct sk_settings *s)
{
	unsigned set = 0;

	for (unsigned i = 0; sk_setting_services[i] != NULL; i++)
		if (*sk_setting(s, sk_setting_services[i]) != '\0')
			set |= 1u << i;
	return set;
}

enum sk_services_kind
sk_services_kind(const struct sk_settings *s, struct sk_str *missing)
{
	unsigned set = sk_services_set(s), n = 0;

	for (unsigned i = 0; missing != NULL && sk_setting_services[i] != NULL; i++)
		if ((set & 1u << i) == 0)
			sk_str_addf(missing, "%s%s", n++ > 0 ? ", " : "", sk_setting_services[i]);
	if (set == 0)
		return SK_SERVICES_NONE;
	return set == SK_SERVICES_ALL ? SK_SERVICES_FLEET : SK_SERVICES_SOME;
}

/* ---- opening ---- */

static enum sk_code
open_bus(
	const struct sk_settings *s, const char *component, struct sk_services *v, struct sk_err *err)
{
	(void)s;
	(void)component;
	(void)v;
	return sk_fail(err, SK_EINVAL, "this build cannot speak to Kafka");
}

static enum sk_code
open_cache(
	const struct sk_settings *s, const char *component, struct sk_services *v, struct sk_err *err)
{
	(void)s;
	(void)component;
	(void)v;
	return sk_fail(err, SK_EINVAL, "this build cannot speak to Redis");
}

static enum sk_code
open_store(
	const struct sk_settings *s, const char *component, struct sk_services *v, struct sk_err *err)
{
	(void)s;
	(void)component;
	(void)v;
	return sk_fail(err, SK_EINVAL, "this build cannot speak to MongoDB");
}

static void
open_local(struct sk_services *v)
{
	struct sk_bus_local_config bus = { .loop = v->loop };
	struct sk_cache_local_config cache = { .loop = v->loop };

	if (v->bus == NULL)
		v->bus = sk_bus_local_open(&bus);
	if (v->cache == NULL)
		v->cache = sk_cache_local_open(&cache);
}

enum sk_code
sk_services_open(const struct sk_settings *s, struct sk_loop *loop, const char *component,
	unsigned which, struct sk_services *out, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	*out = (struct sk_services){ .loop = loop, .which = which & sk_services_set(s) };
	if ((out->which & SK_SERVICE_BUS) != 0)
		code = open_bus(s, component, out, err);
	if (code == SK_OK && (out->which & SK_SERVICE_CACHE) != 0)
		code = open_cache(s, component, out, err);
	if (code == SK_OK && (out->which & SK_SERVICE_STORE) != 0)
		code = open_store(s, component, out, err);
	if (code == SK_OK)
		open_local(out);
	else
		sk_services_close(out);
	return code;
}

void
sk_services_close_store(struct sk_services *v)
{
	sk_store_close(v->store);
	v->store = NULL;
}

void
sk_services_close(struct sk_services *v)
{
	sk_services_close_store(v);
	if (v->cache != NULL)
		v->cache->ops->close(v->cache);
	if (v->bus != NULL)
		v->bus->ops->close(v->bus);
	v->cache = NULL;
	v->bus = NULL;
}

/* ---- how they are ---- */

bool
sk_services_flush(struct sk_services *v, int64_t ms)
{
	(void)v;
	(void)ms;
	return true;
}

size_t
sk_services_health(const struct sk_services *v, struct sk_service_health out[SK_N_SERVICE])
{
	(void)v;
	(void)out;
	return 0;
}
