/* api_change.c - changes of one task and of many, as requests. */
#include "core/control/api_priv.h"
#include "core/control/changes.h"
#include <string.h>

#define MAX_FAILURES 1000 /* told of a change by filter; the rest is counted */

/* The word at the end of the path. */
static enum sk_change
kind_of(const struct sk_call *call)
{
	static const char *const words[] = { [SK_CHANGE_CANCEL] = "cancel",
		[SK_CHANGE_PAUSE] = "pause",
		[SK_CHANGE_RESUME] = "resume",
		[SK_CHANGE_RETRY] = "retry",
		[SK_CHANGE_DELETE] = "delete" };
	const char *word = strrchr(call->path, '/') + 1;
	int i = 0;

	while (i < SK_CHANGE_DELETE && strcmp(words[i], word) != 0)
		i++;
	return (enum sk_change)i;
}

/* ---- one ---- */

struct one {
	struct sk_changes run;
	const char *ids[1];
	enum sk_code code;
	const char *error;
	struct sk_record *record;
	bool changed; /* it is not what If-Match has */
};

static bool
one_still(void *arg, const struct sk_record *r)
{
	struct sk_call *call = arg;
	struct one *o = call->state;

	o->changed = !sk_call_matches(call, r);
	return !o->changed;
}

static void
one_page(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	struct sk_call *call = arg;
	struct one *o = call->state;

	(void)n;
	(void)n_ok;
	o->code = results[0].code;
	o->error = sk_arena_strdup(call->arena, results[0].error);
	if (results[0].record != NULL)
		o->record = sk_record_copy(call->arena, results[0].record);
}

static void
one_done(void *arg, enum sk_code code, const struct sk_err *err)
{
	struct sk_call *call = arg;
	struct one *o = call->state;

	if (code != SK_OK)
		sk_call_failed(call, code, err);
	else if (o->code == SK_ENOENT)
		sk_call_error(call, 404, "there is no task %s", sk_quote(call->arena, call->id));
	else if (o->changed)
		sk_call_changed(call);
	else if (o->code != SK_OK)
		sk_call_error(call, 409, "%s", o->error);
	else if (o->run.kind == SK_CHANGE_DELETE) {
		sk_str_addc(&call->out, '{');
		sk_json_kstr(&call->out, "id", call->id);
		sk_json_kbool(&call->out, "deleted", true);
		sk_str_addc(&call->out, '}');
		sk_call_json(call, 200);
	} else
		sk_call_answer_task(call, o->record);
}

static void
change_one(struct sk_call *call, enum sk_change kind, bool force)
{
	struct one *o = sk_arena_alloc(call->arena, sizeof(*o));

	o->ids[0] = call->id;
	o->run = (struct sk_changes){ .kind = kind,
		.force = force,
		.ids = o->ids,
		.n = 1,
		.still = one_still,
		.page = one_page,
		.done = one_done,
		.arg = call };
	call->state = o;
	sk_changes_run(call->c, &o->run);
}

void
sk_api_change_one(struct sk_call *call)
{
	bool force;

	if (sk_call_bool(call, "force", &force))
		change_one(call, kind_of(call), force);
}

void
sk_api_delete(struct sk_call *call)
{
	change_one(call, SK_CHANGE_DELETE, false);
}

/* ---- many ---- */

struct many_body {
	const struct sk_value *ids, *filter;
};
static const struct sk_field many_fields[] = { SK_FIELD(struct many_body, ids, .nullable = true,
												   .doc = "list of strings: the tasks"),
	SK_FIELD(struct many_body, filter, .nullable = true,
		.doc = "instead of ids: what selects the tasks; {} is every task"),
	SK_FIELDS_END };

const struct sk_field sk_api_selection_fields[] = {
	SK_FIELD(struct sk_selection, state,
		.pattern = "^((Created|Assigning|Running|Paused|Finished|Failed|Cancelled)(,|$))*$",
		.doc = "states, separated by commas"),
	SK_FIELD(struct sk_selection, class_name, .key = "class", .doc = "the class"),
	SK_FIELD(struct sk_selection, executor, .doc = "the skald that has it"),
	SK_FIELD(struct sk_selection, label, .doc = "a label: key=value or key"),
	SK_FIELD(struct sk_selection, id, .doc = "a part of the id"),
	SK_FIELD(struct sk_selection, parent, .doc = "elements of this array"),
	SK_FIELD(struct sk_selection, older, .def = "-1", .bounded = true, .min = 0,
		.max = SK_TEN_YEARS_S, .doc = "accepted longer ago than these seconds"),
	SK_FIELD(struct sk_selection, newer, .def = "-1", .bounded = true, .min = 0,
		.max = SK_TEN_YEARS_S, .doc = "accepted within these seconds"),
	SK_FIELD(struct sk_selection, elements, .doc = "elements of arrays as well"), SK_FIELDS_END
};

struct many {
	struct sk_changes run;
	size_t done, failed, told;
};

static void
many_page(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	struct sk_call *call = arg;
	struct many *m = call->state;
	struct sk_str *out = &call->out;

	m->done += n_ok;
	for (size_t i = 0; i < n; i++) {
		const struct sk_changed *r = &results[i];

		m->failed += r->code != SK_OK;
		if (m->run.ids == NULL && m->told++ >= MAX_FAILURES)
			continue;
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "id", r->id);
		sk_json_kbool(out, "ok", r->code == SK_OK);
		sk_json_kstr(out, "error", r->code == SK_OK ? NULL : r->error);
		sk_str_addc(out, '}');
	}
}

static void
many_done(void *arg, enum sk_code code, const struct sk_err *err)
{
	struct sk_call *call = arg;
	const struct many *m = call->state;
	struct sk_err more;

	if (code != SK_OK) {
		more = *err;
		if (m->done > 0)
			sk_fail(&more, code, "%s (%zu tasks were changed before)", err->msg, m->done);
		sk_call_failed(call, code, &more);
		return;
	}
	sk_str_addc(&call->out, ']');
	sk_json_kint(&call->out, "done", (int64_t)m->done);
	sk_json_kint(&call->out, "failed", (int64_t)m->failed);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

static bool
read_filter(struct sk_call *call, const struct sk_value *v, struct sk_filter *f)
{
	struct sk_selection s;
	struct sk_problems p;
	struct sk_err err;

	sk_problems_init(&p, call->arena, "");
	if (!sk_fields_decode(
			sk_api_selection_fields, v, &s, sizeof(s), call->arena, "filter", false, &p)) {
		for (size_t i = 0; i < p.n; i++)
			p.list[i].line = 0;
		sk_call_invalid(call, &p);
		return false;
	}
	if (sk_selection_filter(&s, sk_control_wall_ms(call->c), call->arena, f, &err))
		return true;
	sk_call_wrong(call, "filter", err.msg);
	return false;
}

static bool
read_ids(struct sk_call *call, const struct sk_value *v, struct sk_changes *run)
{
	const char **ids;

	if (v->kind != SK_LIST) {
		sk_call_wrong(call, "ids", "expected list of strings");
		return false;
	}
	ids = sk_arena_alloc(call->arena, (v->u.list.n + 1) * sizeof(*ids));
	for (size_t i = 0; i < v->u.list.n; i++) {
		if (v->u.list.items[i]->kind != SK_STRING) {
			sk_call_wrong(call, sk_arena_printf(call->arena, "ids[%zu]", i), "expected string");
			return false;
		}
		ids[i] = v->u.list.items[i]->u.str.s;
	}
	run->ids = ids;
	run->n = v->u.list.n;
	return true;
}

static bool
read_many(struct sk_call *call, struct sk_changes *run)
{
	struct many_body b;

	if (!sk_call_decode(call, many_fields, &b, sizeof(b)))
		return false;
	if ((b.ids == NULL) != (b.filter == NULL))
		return b.ids != NULL ? read_ids(call, b.ids, run)
							 : read_filter(call, b.filter, &run->filter);
	sk_call_wrong(call, "",
		b.ids == NULL ? "one of ids and filter is needed" : "ids and filter exclude each other");
	return false;
}

void
sk_api_change_many(struct sk_call *call)
{
	struct many *m = sk_arena_alloc(call->arena, sizeof(*m));

	m->run = (struct sk_changes){
		.kind = kind_of(call), .page = many_page, .done = many_done, .arg = call
	};
	if (!sk_call_bool(call, "force", &m->run.force) || !read_many(call, &m->run))
		return;
	call->state = m;
	sk_str_adds(&call->out, "{\"items\":[");
	sk_changes_run(call->c, &m->run);
}
