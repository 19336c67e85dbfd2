/* fields_fuzz.c - any JSON value as the attachments of any class, and as a task. The first byte
 * chooses the table. What is accepted keeps the table's bounds. */
#include "adapters/json.h"
#include "core/model/task.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_record(const struct sk_field *f, const void *record);

static void
check_list(const struct sk_field *f, const struct sk_list *list)
{
	if (f->bounded && ((double)list->n < f->min || (double)list->n > f->max))
		abort();
	for (size_t i = 0; i < list->n; i++) {
		if (f->item == SK_FIELD_STRING && ((const char *const *)list->items)[i] == NULL)
			abort();
		if (f->item == SK_FIELD_OBJECT)
			check_record(f->sub, (const char *)list->items + i * f->sub_size);
	}
}

static void
check_bounds(const struct sk_field *f, double v)
{
	if (f->bounded && !(v >= f->min && v <= f->max))
		abort();
}

static void
check_field(const struct sk_field *f, const void *at)
{
	if (f->kind == SK_FIELD_INT)
		check_bounds(f, (double)*(const int64_t *)at);
	else if (f->kind == SK_FIELD_FLOAT)
		check_bounds(f, *(const double *)at);
	else if (f->kind == SK_FIELD_STRING && *(const char *const *)at == NULL)
		abort();
	else if (f->kind == SK_FIELD_LIST)
		check_list(f, at);
	else if (f->kind == SK_FIELD_OBJECT)
		check_record(f->sub, at);
}

static void
check_record(const struct sk_field *f, const void *record)
{
	for (; f->kind != SK_FIELD_END; f++)
		check_field(f, (const char *)record + f->offset);
}

static void
as_attachments(
	const struct sk_worker *w, const struct sk_value *v, struct sk_arena *a, struct sk_problems *p)
{
	void *record = sk_arena_alloc(a, w->attachment_size);

	if (sk_fields_decode(w->fields, v, record, w->attachment_size, a, "att", false, p))
		check_record(w->fields, record);
	else if (p->n_errors == 0)
		abort();
	if (v->kind == SK_MAP)
		sk_task_attachments(w, v, "att", true, a, p);
}

static void
as_task(const struct sk_value *v, struct sk_arena *a, struct sk_problems *p)
{
	struct sk_task_spec t;

	if (sk_task_entry("id", v, 1, 1, "t", sk_workers, false, a, &t, p))
		check_record(sk_task_fields, &t);
	else if (p->n_errors == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str text = SK_STR_INIT;
	struct sk_problems p;
	struct sk_value *v;
	size_t classes = 0;

	while (sk_workers[classes] != NULL)
		classes++;
	sk_problems_init(&p, a, "f");
	v = n > 0 ? sk_json_parse((const char *)data + 1, n - 1, a, &p) : NULL;
	if (v != NULL && data[0] % (classes + 1) == classes)
		as_task(v, a, &p);
	else if (v != NULL)
		as_attachments(sk_workers[data[0] % (classes + 1)], v, a, &p);
	sk_problems_text(&p, &text);
	sk_str_release(&text);
	sk_arena_free(a);
	return 0;
}
