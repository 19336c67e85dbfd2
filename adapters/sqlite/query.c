#include "adapters/sqlite/query.h"
#include <string.h>

void
sk_sq_query_clear(struct sk_sq_query *q)
{
	sk_str_clear(&q->sql);
	q->n = q->n_texts = 0;
}

void
sk_sq_query_release(struct sk_sq_query *q)
{
	sk_str_release(&q->sql);
	sk_str_release(&q->texts[0]);
	sk_str_release(&q->texts[1]);
}

void
sk_sq_query_add(struct sk_sq_query *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&q->sql, fmt, ap);
	va_end(ap);
}

void
sk_sq_query_int(struct sk_sq_query *q, int64_t v)
{
	sk_str_addc(&q->sql, '?');
	q->args[q->n].text = NULL;
	q->args[q->n++].number = v;
}

void
sk_sq_query_text(struct sk_sq_query *q, const char *text)
{
	sk_str_addc(&q->sql, '?');
	q->args[q->n++].text = text;
}

struct sk_sq_use
sk_sq_query_use(struct sk_sq_query *q, struct sk_sq_db *db)
{
	struct sk_sq_use u = sk_sq_sql(db, sk_str_text(&q->sql));

	for (int i = 0; i < q->n; i++)
		if (q->args[i].text != NULL)
			sk_sq_text(&u, q->args[i].text);
		else
			sk_sq_int(&u, q->args[i].number);
	return u;
}

/* ---- where the rows come from ---- */

#define LIVE (1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED)
#define ALL_PHASES ((1u << SK_N_PHASE) - 1)
#define ALL_PLACES ((1u << 2 * SK_SQ_N_PLACE) - 1)

enum sk_sq_source
sk_sq_source_of(const struct sk_filter *f)
{
	return sk_sq_given(f->depends_on) ? SK_SQ_FROM_DEPENDENCY
		: sk_sq_given(f->parent)	  ? SK_SQ_FROM_PARENT
		: sk_sq_given(f->label)		  ? SK_SQ_FROM_LABEL
									  : SK_SQ_FROM_ALL;
}

static bool
phase_wanted(const struct sk_filter *f, enum sk_phase phase)
{
	return f->phases == 0 || (f->phases >> phase & 1u) != 0;
}

static bool
gate_wanted(const struct sk_filter *f, enum sk_gate gate)
{
	return f->gates == 0 || (f->gates >> gate & 1u) != 0;
}

uint32_t
sk_sq_places(const struct sk_filter *f)
{
	uint32_t places = 0;

	if (phase_wanted(f, SK_CREATED)) {
		places |= gate_wanted(f, SK_GATE_OPEN) ? 1u << SK_SQ_READY : 0;
		places |= gate_wanted(f, SK_GATE_TIME) ? 1u << SK_SQ_TIMED : 0;
		/* Open ones that shall not run, or those that wait for others. */
		places |=
			(gate_wanted(f, SK_GATE_OPEN) && !f->wanted_run) || gate_wanted(f, SK_GATE_DEPENDENCY)
			? 1u << SK_SQ_HELD
			: 0;
	}
	for (unsigned phase = SK_ASSIGNING; phase < SK_N_PHASE; phase++)
		if (phase_wanted(f, (enum sk_phase)phase))
			places |= 1u << (phase + SK_SQ_PHASE_PLACE);
	return f->no_elements ? places : places | places << SK_SQ_N_PLACE;
}

bool
sk_sq_one_executor(const struct sk_filter *f)
{
	return sk_sq_given(f->executor) && f->phases != 0 && (f->phases & ~LIVE) == 0;
}

static void
add_places(struct sk_sq_query *q, uint32_t places)
{
	const char *comma = "";

	sk_sq_query_add(q, "t.place IN (");
	for (unsigned p = 0; p < 2 * SK_SQ_N_PLACE; p++)
		if (places >> p & 1u) {
			sk_sq_query_add(q, "%s%u", comma, p);
			comma = ", ";
		}
	sk_sq_query_add(q, ")");
}

void
sk_sq_query_from(
	struct sk_sq_query *q, enum sk_sq_source source, const struct sk_filter *f, uint32_t places)
{
	switch (source) {
	case SK_SQ_FROM_ALL:
		sk_sq_query_add(q, " FROM task AS t NOT INDEXED WHERE 1");
		break;
	case SK_SQ_FROM_PLACES:
		sk_sq_query_add(q, " FROM task AS t INDEXED BY task_place WHERE ");
		add_places(q, places);
		if (sk_sq_one_executor(f)) {
			sk_sq_query_add(q, " AND t.key = ");
			sk_sq_query_int(q, sk_sq_executor_key(f->executor));
		}
		break;
	case SK_SQ_FROM_PARENT:
		sk_sq_query_add(q, " FROM task AS t INDEXED BY task_parent WHERE t.parent = ");
		sk_sq_query_text(q, f->parent);
		break;
	case SK_SQ_FROM_LABEL:
		sk_sq_query_add(
			q, " FROM label AS x CROSS JOIN task AS t ON t.seq = x.seq WHERE x.label = ");
		sk_sq_query_text(q, f->label);
		break;
	case SK_SQ_FROM_DEPENDENCY:
		sk_sq_query_add(
			q, " FROM dependency AS x CROSS JOIN task AS t ON t.seq = x.seq WHERE x.depends_on = ");
		sk_sq_query_text(q, f->depends_on);
		break;
	}
}

/* ---- conditions ---- */

static void
add_bits(struct sk_sq_query *q, const char *column, unsigned bits, unsigned n)
{
	const char *comma = "";

	if (bits == 0)
		return;
	sk_sq_query_add(q, " AND t.%s IN (", column);
	for (unsigned i = 0; i < n; i++)
		if (bits >> i & 1u) {
			sk_sq_query_add(q, "%s%u", comma, i);
			comma = ", ";
		}
	sk_sq_query_add(q, ")");
}

static void
and_text(struct sk_sq_query *q, const char *sql, const char *text)
{
	if (!sk_sq_given(text))
		return;
	sk_sq_query_add(q, " AND %s", sql);
	sk_sq_query_text(q, text);
}

static void
and_time(struct sk_sq_query *q, const char *sql, int64_t ms)
{
	if (ms == 0)
		return;
	sk_sq_query_add(q, " AND %s", sql);
	sk_sq_query_int(q, ms);
}

/* Substring, ASCII case ignored. */
static void
and_part(struct sk_sq_query *q, const char *column, const char *part)
{
	struct sk_str *lower;

	if (!sk_sq_given(part))
		return;
	lower = &q->texts[q->n_texts++];
	sk_str_clear(lower);
	for (; *part != '\0'; part++)
		sk_str_addc(lower, *part >= 'A' && *part <= 'Z' ? (char)(*part + 'a' - 'A') : *part);
	sk_sq_query_add(q, " AND instr(lower(t.%s), ", column);
	sk_sq_query_text(q, sk_str_text(lower));
	sk_sq_query_add(q, ") > 0");
}

static void
state_conditions(
	struct sk_sq_query *q, enum sk_sq_source source, const struct sk_filter *f, uint32_t places)
{
	const uint32_t exact = 1u << SK_SQ_READY | 1u << SK_SQ_TIMED;
	const uint32_t gates_say_all = exact | exact << SK_SQ_N_PLACE;
	const uint32_t ready = 1u << SK_SQ_READY | 1u << (SK_SQ_READY + SK_SQ_N_PLACE);
	bool by_place = source == SK_SQ_FROM_PLACES;

	if (!by_place && f->phases != ALL_PHASES)
		add_bits(q, "phase", f->phases, SK_N_PHASE);
	if (!by_place || (places & ~gates_say_all) != 0)
		add_bits(q, "gate", f->gates, SK_N_GATE);
	if (f->wanted_run && (!by_place || (places & ~ready) != 0))
		sk_sq_query_add(q, " AND t.wanted = %d", SK_WANT_RUN);
	if (f->no_elements && !by_place)
		sk_sq_query_add(q, " AND t.seq & 1 = 0");
}

static void
link_conditions(struct sk_sq_query *q, enum sk_sq_source source, const struct sk_filter *f)
{
	if (sk_sq_given(f->label) && source != SK_SQ_FROM_LABEL) {
		and_text(q, "EXISTS(SELECT 1 FROM label AS l WHERE l.seq = t.seq AND l.label = ", f->label);
		sk_sq_query_add(q, ")");
	}
	if (sk_sq_given(f->depends_on) && source != SK_SQ_FROM_DEPENDENCY) {
		and_text(q, "EXISTS(SELECT 1 FROM dependency AS d WHERE d.seq = t.seq AND d.depends_on = ",
			f->depends_on);
		sk_sq_query_add(q, ")");
	}
}

void
sk_sq_query_conditions(
	struct sk_sq_query *q, enum sk_sq_source source, const struct sk_filter *f, uint32_t places)
{
	state_conditions(q, source, f, places);
	and_text(q, "t.class = ", f->class_name);
	and_text(q, "t.executor = ", f->executor);
	and_part(q, "id", f->id_part);
	and_part(q, "class", f->class_part);
	link_conditions(q, source, f);
	if (source != SK_SQ_FROM_PARENT)
		and_text(q, "t.parent = ", f->parent);
	if (f->arrays)
		sk_sq_query_add(q, " AND t.array_size > 0");
	if (f->foreign || f->foreign_active || f->disputed) /* nobody else writes here */
		sk_sq_query_add(q, " AND 0");
	and_time(q, "t.create_ms > ", f->created_after);
	and_time(q, "t.create_ms < ", f->created_before);
	and_time(q, "t.update_ms >= ", f->updated_after);
	and_time(q, "t.due_ms <= ", f->due_before);
	if (f->finished_before != 0)
		sk_sq_query_add(q, " AND t.finish_ms <> 0");
	and_time(q, "t.finish_ms < ", f->finished_before);
}
