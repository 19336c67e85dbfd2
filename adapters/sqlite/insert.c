/* insert.c - new tasks: all or none, or each on its own. */
#include "adapters/sqlite/sqlite.h"

/* What stands in the way: under the same id, or with the same unique key. */
static enum sk_code
obstacle(struct sk_sq *q, struct sk_op_insert *op, size_t i, struct sk_err *err)
{
	const struct sk_record *r = op->records[i];
	uint64_t seq = 0;
	enum sk_code code = sk_sq_read_id(&q->db, r->id, op->op.arena, &op->found[i], err);

	if (code != SK_OK || op->found[i] != NULL)
		return code;
	if (r->unique_key[0] == '\0' || sk_phase_final(r->life.phase))
		return SK_OK;
	code = sk_sq_find_key(q, r->unique_key, &seq, err);
	if (code == SK_OK && seq != 0)
		code = sk_sq_read_seq(&q->db, seq, SK_SQ_WHOLE, op->op.arena, &op->found[i], err);
	return code;
}

static void
counted(struct sk_sq *q, const struct sk_record *r, bool element, int64_t by)
{
	q->delta.n[r->life.phase][element] += by;
}

/* One record. With a unique key, whatever stands in its way is looked for before: nothing has to be
 * taken back. */
static enum sk_code
insert_one(struct sk_sq *q, struct sk_op_insert *op, size_t i, struct sk_err *err)
{
	const struct sk_record *r = op->records[i];
	bool element = r->array_parent[0] != '\0';
	uint64_t seq = q->accepted + 1;
	enum sk_code code = SK_OK, clash = SK_OK;

	seq = seq << 1 | element;
	if (r->unique_key[0] != '\0')
		code = obstacle(q, op, i, err);
	if (code == SK_OK && op->found[i] == NULL)
		code = sk_sq_write_row(q, seq, r, &clash, err);
	if (code == SK_OK && clash != SK_OK)
		code = obstacle(q, op, i, err);
	if (code != SK_OK)
		return code;
	op->codes[i] = op->found[i] != NULL || clash != SK_OK ? SK_ECONFLICT : SK_OK;
	if (op->codes[i] == SK_OK) {
		q->accepted++;
		op->seqs[i] = seq;
		counted(q, r, element, 1);
		sk_sq_changes_insert(&q->changes, seq, r);
	}
	return SK_OK;
}

/* None of them: what was made is undone; of each that comes later it is told what is in its way. */
static enum sk_code
take_back(struct sk_sq *q, struct sk_op_insert *op, size_t bad, size_t changes, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	sk_sq_changes_take_back(&q->changes, changes);

	for (size_t i = 0; i < bad; i++) {
		counted(q, op->records[i], op->records[i]->array_parent[0] != '\0', -1);
		op->seqs[i] = 0;
		op->codes[i] = SK_ECANCELED;
	}
	if (op->n > 1 && sk_sq_script(&q->db, "ROLLBACK TO many", err) != SK_OK)
		return err->code;
	for (size_t i = bad + 1; i < op->n && code == SK_OK; i++) {
		code = obstacle(q, op, i, err);
		op->codes[i] = op->found[i] != NULL ? SK_ECONFLICT : SK_ECANCELED;
	}
	op->op.code = sk_fail(&op->op.err, SK_ECONFLICT, "task %s: there is already a task %s",
		op->records[bad]->id, op->found[bad] != NULL ? op->found[bad]->id : "like it");
	return code;
}

static enum sk_code
insert_all(struct sk_sq *q, struct sk_op_insert *op, struct sk_err *err)
{
	size_t changes = q->changes.bytes.len;
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < op->n && code == SK_OK; i++) {
		code = insert_one(q, op, i, err);
		if (code == SK_OK && op->codes[i] != SK_OK && !op->each)
			return take_back(q, op, i, changes, err);
	}
	return code;
}

static enum sk_code
look_at_all(struct sk_sq *q, struct sk_op_insert *op, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	for (size_t i = 0; i < op->n && code == SK_OK; i++) {
		code = obstacle(q, op, i, err);
		op->codes[i] = op->found[i] != NULL ? SK_ECONFLICT : SK_OK;
	}
	return code;
}

enum sk_code
sk_sq_insert(struct sk_sq *q, struct sk_op_insert *op, struct sk_err *err)
{
	bool several = op->n > 1 && !op->each; /* the only ones that may have to be undone */
	enum sk_code code;

	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	op->found = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->found));
	op->seqs = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->seqs));
	if (op->dry)
		return look_at_all(q, op, err);
	if (sk_sq_begin(q, err) != SK_OK ||
		(several && sk_sq_script(&q->db, "SAVEPOINT many", err) != SK_OK))
		return err->code;
	code = insert_all(q, op, err);
	if (code == SK_OK && several)
		code = sk_sq_script(&q->db, "RELEASE many", err);
	return code;
}
