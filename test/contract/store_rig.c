#include "store_rig.h"
#include "adapters/json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- opening, closing ---- */

void
store_dir_make(char dir[64])
{
	snprintf(dir, 64, "/tmp/skalds-store.XXXXXX");
	assert_non_null(mkdtemp(dir));
}

void
store_dir_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
	closedir(d);
	assert_int_equal(rmdir(dir), 0);
}

void
store_rig_start(struct store_rig *g)
{
	struct sk_err err = { SK_OK, "" };

	g->store = g->kind->open(g->dir, g->loop, &err);
	if (g->store == NULL)
		fail_msg("%s: %s", g->kind->name, err.msg);
}

void
store_rig_open(struct store_rig *g, const struct store_kind *kind)
{
	struct sk_err err;

	*g = (struct store_rig){ .kind = kind, .arena = sk_arena_new(), .loop = sk_loop_new(&err) };
	assert_non_null(g->loop);
	store_dir_make(g->dir);
	store_rig_start(g);
}

void
store_rig_reopen(struct store_rig *g)
{
	sk_store_close(g->store);
	store_rig_start(g);
}

void
store_rig_close(struct store_rig *g)
{
	sk_store_close(g->store);
	sk_loop_free(g->loop);
	sk_arena_free(g->arena);
	if (g->kind->remove != NULL)
		g->kind->remove(g->dir);
	store_dir_remove(g->dir);
}

/* ---- short ways ---- */

enum sk_code
store_do(struct store_rig *g, enum sk_op_kind kind, struct sk_op *op)
{
	op->kind = kind;
	op->arena = g->arena;
	return sk_store_wait(g->store, g->loop, op);
}

void
store_must(struct store_rig *g, enum sk_op_kind kind, struct sk_op *op)
{
	if (store_do(g, kind, op) != SK_OK)
		fail_msg("%s: operation %d: %s", g->kind->name, (int)kind, op->err.msg);
}

struct sk_record *
store_task(struct store_rig *g, const char *id)
{
	struct sk_record *r = sk_arena_alloc(g->arena, sizeof(*r));

	sk_record_init(r, g->arena);
	r->id = sk_arena_strdup(g->arena, id);
	r->class_name = "Exec";
	r->life.max_attempts = 3;
	r->create_ms = r->update_ms = r->rank_ms = 1000000;
	return r;
}

struct sk_record *
store_keyed(struct store_rig *g, const char *id, const char *key)
{
	struct sk_record *r = store_task(g, id);

	r->unique_key = key;
	return r;
}

void
store_put(struct store_rig *g, struct sk_record *r)
{
	const struct sk_record *one[] = { r };
	struct sk_op_insert op = { .records = one, .n = 1 };

	store_must(g, SK_OP_INSERT, &op.op);
	assert_int_equal(op.codes[0], SK_OK);
	assert_null(op.found[0]);
	assert_int_not_equal(op.seqs[0], 0);
	r->seq = op.seqs[0];
}

struct sk_record *
store_get(struct store_rig *g, const char *id)
{
	struct sk_op_get op = { .ids = &id, .n = 1 };

	store_must(g, SK_OP_GET, &op.op);
	return op.records[0];
}

enum sk_code
store_move(
	struct store_rig *g, const struct sk_record *from, unsigned set, const struct sk_record *to)
{
	struct sk_move move = { .id = from->id,
		.seq = from->seq,
		.expect_attempt = from->life.attempt,
		.expect_phase = from->life.phase,
		.set = set,
		.to = to };
	struct sk_op_move op = { .moves = &move, .n = 1 };

	store_must(g, SK_OP_MOVE, &op.op);
	return move.code;
}

struct sk_record *
store_put_phase(struct store_rig *g, const char *id, enum sk_phase phase)
{
	struct sk_record *r = store_task(g, id), to;

	store_put(g, r);
	to = *r;
	to.life.phase = phase;
	assert_int_equal(store_move(g, r, SK_SET_LIFE, &to), SK_OK);
	r->life.phase = phase;
	return r;
}

const char *
store_ids(struct store_rig *g, const struct sk_filter *f, enum sk_order order)
{
	struct sk_op_find op = { .filter = *f, .order = order, .limit = SK_FIND_MAX };
	struct sk_str ids = SK_STR_INIT;
	const char *text;

	store_must(g, SK_OP_FIND, &op.op);
	for (size_t i = 0; i < op.n; i++)
		sk_str_addf(&ids, "%s%s", i > 0 ? " " : "", op.records[i]->id);
	text = sk_arena_strdup(g->arena, sk_str_text(&ids));
	sk_str_release(&ids);
	return text;
}

enum sk_code
store_remove(struct store_rig *g, const char *id)
{
	struct sk_op_remove op = { .ids = &id, .n = 1 };

	store_must(g, SK_OP_REMOVE, &op.op);
	return op.codes[0];
}

/* ---- comparing ---- */

const struct sk_value *
store_json(struct sk_arena *a, const char *text)
{
	struct sk_problems p;
	const struct sk_value *v;

	sk_problems_init(&p, a, "");
	v = sk_json_parse(text, strlen(text), a, &p);
	assert_non_null(v);
	return v;
}

void
store_text(const struct sk_record *r, bool thin, struct sk_str *out)
{
	sk_str_clear(out);
	sk_str_addf(out, "%s class=%s %s/%s attempt=%u failures=%u max=%u executor=%s/%llx", r->id,
		r->class_name, sk_phase_name(r->life.phase), sk_wanted_name(r->life.wanted),
		r->life.attempt, r->life.failures, r->life.max_attempts, r->life.executor,
		(unsigned long long)r->life.incarnation);
	sk_str_addf(out, " priority=%lld rank=%lld gate=%s due=%lld create=%lld update=%lld start=%lld",
		(long long)r->priority, (long long)r->rank_ms, sk_gate_name(r->gate), (long long)r->due_ms,
		(long long)r->create_ms, (long long)r->update_ms, (long long)r->start_ms);
	sk_str_addf(out, " finish=%lld progress=%a stage=%s exit=%d/%d/%d/%d", (long long)r->finish_ms,
		r->progress, r->stage, r->exit.known, r->exit.known ? (int)r->exit.reason : 0,
		(int)r->exit.code, (int)r->exit.signal);
	sk_str_addf(out, " unique=%s array=%s/%lld element=%s/%lld backing_off=%d", r->unique_key,
		r->array != NULL ? r->array : "(none)", (long long)r->array_size, r->array_parent,
		(long long)r->array_index, r->life.backing_off);
	if (thin)
		return;
	sk_str_addf(out, " message=%s result=", r->exit.message);
	if (r->result == NULL)
		sk_str_adds(out, "(none)");
	else
		sk_json_string_n(out, r->result, r->result_len);
	sk_str_adds(out, " spec=");
	sk_value_json(out, r->spec);
}

void
store_same(const struct sk_record *a, const struct sk_record *b)
{
	struct sk_str x = SK_STR_INIT, y = SK_STR_INIT;

	assert_non_null(a);
	assert_non_null(b);
	store_text(a, false, &x);
	store_text(b, false, &y);
	if (strcmp(x.p, y.p) != 0)
		fail_msg("these differ:\n%s\n%s", x.p, y.p);
	sk_str_release(&x);
	sk_str_release(&y);
}

/* ---- chance ---- */

static uint64_t chance;

void
store_seed(void)
{
	const char *text = getenv("SKALDS_SEED");

	chance = text != NULL ? strtoull(text, NULL, 10) : 4;
}

uint64_t
store_random(uint64_t n)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (chance >> 33) % n;
}
