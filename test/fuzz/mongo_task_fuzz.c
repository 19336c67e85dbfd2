/* mongo_task_fuzz.c - any bytes as a document of the collection "tasks": what can be read is a task that
 * everything else can work with, comes back the same from a document of ours, and nothing breaks.
 *
 * Input: a document (BSON). */
#include "adapters/mongo/document.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
text_of(const struct sk_record *r, struct sk_str *out)
{
	sk_record_json(out, r, NULL);
	sk_str_addf(out, " %lld %d %lld %s", (long long)r->rank_ms, (int)r->gate, (long long)r->due_ms,
		r->array != NULL ? r->array : "(none)");
}

/* A task of ours, written and read again. */
static void
again(const struct sk_record *r, struct sk_arena *a)
{
	const struct sk_mg_stamp stamp = { .seq = r->seq };
	struct sk_str x = SK_STR_INIT, y = SK_STR_INIT;
	bson_t b = BSON_INITIALIZER;
	struct sk_record *back;
	const char *why = "";

	sk_mg_put_record(&b, r, &stamp);
	back = sk_mg_take_record(&b, SK_MG_WHOLE, a, &why);
	check(back != NULL && !back->foreign && !back->disputed);
	text_of(r, &x);
	text_of(back, &y);
	check(strcmp(x.p, y.p) == 0);
	sk_str_release(&x);
	sk_str_release(&y);
	bson_destroy(&b);
}

static void
look(const struct sk_record *r, struct sk_arena *a)
{
	check(r->id[0] != '\0' && r->class_name[0] != '\0' && r->spec != NULL);
	check(r->life.phase < SK_N_PHASE && r->gate < SK_N_GATE && r->life.max_attempts > 0);
	check(!r->disputed || r->status != r->life.phase);
	check(!r->foreign || (r->life.attempt == 0 && r->life.incarnation == 0));
	if (!r->foreign && r->seq != 0 && r->priority >= INT32_MIN && r->priority <= INT32_MAX)
		again(r, a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record *whole, *thin;
	const char *why = NULL;
	bson_t doc;

	if (bson_init_static(&doc, data, n)) {
		whole = sk_mg_take_record(&doc, SK_MG_WHOLE, a, &why);
		check(whole != NULL || why != NULL);
		thin = sk_mg_take_record(&doc, SK_MG_THIN, a, &why);
		check(whole == NULL || thin != NULL);
		if (whole != NULL)
			look(whole, a);
		(void)sk_mg_take_attempt(&doc, a);
	}
	sk_arena_free(a);
	return 0;
}
