/* store_rows_fuzz.c - any values in the rows of the task store, as if somebody else had written them:
 * everything reads them, changes and removes the task, and says what it thinks of it; nothing breaks.
 *
 * Input: records of a byte that chooses the column, a byte that chooses the type, a length, bytes. */
#include "adapters/sqlite/sqlite.h"
#include "core/base/log.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const columns[] = { "UPDATE task SET id = ?", "UPDATE task SET class = ?",
	"UPDATE task SET place = ?", "UPDATE task SET key = ?", "UPDATE task SET phase = ?",
	"UPDATE task SET wanted = ?", "UPDATE task SET gate = ?", "UPDATE task SET attempt = ?",
	"UPDATE task SET failures = ?", "UPDATE task SET max_attempts = ?",
	"UPDATE task SET executor = ?", "UPDATE task SET incarnation = ?", "UPDATE task SET due_ms = ?",
	"UPDATE task SET exit_reason = ?", "UPDATE task SET exit_code = ?",
	"UPDATE task SET exit_message = ?", "UPDATE task SET progress = ?", "UPDATE task SET stage = ?",
	"UPDATE task SET has_result = ?", "UPDATE task SET unique_key = ?", "UPDATE task SET array = ?",
	"UPDATE task SET array_size = ?", "UPDATE task SET parent = ?",
	"UPDATE task SET array_index = ?", "UPDATE task SET spec = ?", "UPDATE spec SET data = ?",
	"UPDATE result SET data = ?", "UPDATE attempt SET exit_reason = ?",
	"UPDATE attempt SET tail = ?", "UPDATE skald SET classes = ?", "UPDATE skald SET labels = ?",
	"UPDATE skald SET mode = ?", "UPDATE skald SET slots = ?", "UPDATE lead SET holder = ?",
	"UPDATE lead SET term = ?", "UPDATE setting SET value = ?", "UPDATE label SET label = ?",
	"UPDATE unique_key SET key = ?" };

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
apply(struct sk_sq *q, enum sk_op_kind kind, struct sk_op *op, struct sk_arena *a)
{
	enum sk_sq_route route;
	struct sk_err err;

	op->kind = kind;
	op->arena = a;
	check(sk_sq_apply(q, op, &route, &err) == SK_OK);
	if (route == SK_SQ_ASIDE)
		check(sk_sq_check(&q->db, (struct sk_op_check *)op, &err) == SK_OK);
}

/* ---- what is there before ---- */

static void
fill(struct sk_sq *q, struct sk_arena *a)
{
	struct sk_record r;
	const struct sk_record *list[] = { &r };
	struct sk_value *spec = sk_value_new(a, SK_MAP), *labels = sk_value_new(a, SK_MAP);
	struct sk_attempt attempt = { .attempt = 1, .executor = "n", .exit = { .message = "" } };
	struct sk_move move = { .id = "t", .to = &r, .ended = &attempt };
	struct sk_skald skald = { .id = "n", .incarnation = 1 };

	sk_record_init(&r, a);
	r.id = "t";
	r.class_name = "Exec";
	r.unique_key = "k";
	r.result = "r";
	r.result_len = 1;
	sk_map_set(a, labels, "l", sk_value_string(a, "v", 1));
	sk_map_set(a, spec, "labels", labels);
	r.spec = spec;
	apply(q, SK_OP_INSERT, &(struct sk_op_insert){ .records = list, .n = 1 }.op, a);
	apply(q, SK_OP_MOVE, &(struct sk_op_move){ .moves = &move, .n = 1 }.op, a);
	apply(q, SK_OP_SKALD_PUT, &(struct sk_op_skald_put){ .skald = &skald }.op, a);
	apply(q, SK_OP_LEAD, &(struct sk_op_lead){ .holder = "c", .take = true }.op, a);
	apply(q, SK_OP_SETTING_PUT, &(struct sk_op_setting){ .name = "s", .value = "v" }.op, a);
}

/* ---- what somebody has written ---- */

static void
bind(struct sk_sq_use *u, uint8_t type, const uint8_t *p, size_t n)
{
	int64_t number = 0;

	memcpy(&number, p, n < sizeof(number) ? n : sizeof(number));
	switch (type % 5) {
	case 0:
		sk_sq_null(u);
		break;
	case 1:
		sk_sq_int(u, number);
		break;
	case 2:
		sk_sq_real(u, (double)number / 3);
		break;
	case 3:
		u->rc = sqlite3_bind_text64(u->st, ++u->n, (const char *)p, n, SQLITE_STATIC, SQLITE_UTF8);
		break;
	default:
		sk_sq_blob(u, p, n);
		break;
	}
}

/* Tables refuse NULL where none may be: then nothing was written. */
static void
write_values(struct sk_sq *q, const uint8_t *data, size_t n)
{
	while (n >= 3) {
		size_t len = data[2] < n - 3 ? data[2] : n - 3;
		struct sk_sq_use u =
			sk_sq_fixed(&q->db, columns[data[0] % (sizeof(columns) / sizeof(columns[0]))]);
		struct sk_err err;

		bind(&u, data[1], data + 3, len);
		if (sk_sq_run(&u, &err) != SK_OK)
			check((q->db.last_rc & 0xff) == SQLITE_CONSTRAINT);
		data += 3 + len;
		n -= 3 + len;
	}
}

/* ---- everything that reads ---- */

static void
use_records(struct sk_op_find *op)
{
	struct sk_str text = SK_STR_INIT;

	for (size_t i = 0; i < op->n; i++) {
		check(op->records[i]->life.phase < SK_N_PHASE && op->records[i]->spec != NULL);
		sk_record_json(&text, op->records[i], NULL);
	}
	sk_str_release(&text);
}

static void
read_all(struct sk_sq *q, struct sk_arena *a)
{
	const char *id = "t";
	struct sk_op_find whole = { .limit = 10 }, thin = { .limit = 10, .thin = true };
	struct sk_op_skald_list skalds = { .n = 0 };
	struct sk_op_check sound = { .problems = NULL };

	for (unsigned order = 0; order <= SK_BY_DUE; order++) {
		whole.order = thin.order = (enum sk_order)order;
		apply(q, SK_OP_FIND, &whole.op, a);
		apply(q, SK_OP_FIND, &thin.op, a);
		use_records(&whole);
		use_records(&thin);
	}
	apply(q, SK_OP_GET, &(struct sk_op_get){ .ids = &id, .n = 1 }.op, a);
	apply(q, SK_OP_COUNT, &(struct sk_op_count){ .filter = { .label = "l" } }.op, a);
	apply(q, SK_OP_ATTEMPTS, &(struct sk_op_attempts){ .id = "t" }.op, a);
	apply(q, SK_OP_CLASSES, &(struct sk_op_classes){ .n = 0 }.op, a);
	apply(q, SK_OP_SKALD_LIST, &skalds.op, a);
	for (size_t i = 0; i < skalds.n; i++)
		check(skalds.skalds[i]->labels->kind == SK_MAP && skalds.skalds[i]->classes != NULL);
	apply(q, SK_OP_LEAD, &(struct sk_op_lead){ .holder = "d", .take = true }.op, a);
	apply(q, SK_OP_SETTING_GET, &(struct sk_op_setting){ .name = "s" }.op, a);
	apply(q, SK_OP_CHECK, &sound.op, a);
	check(sound.problems != NULL);
}

static void
change(struct sk_sq *q, struct sk_arena *a)
{
	const char *id = "t";
	struct sk_record to;
	struct sk_move moves[2];

	sk_record_init(&to, a);
	to.life.phase = SK_FINISHED;
	for (unsigned i = 0; i < 2; i++)
		moves[i] = (struct sk_move){ .id = "t",
			.seq = i ? 2 : 0,
			.set = i ? SK_SET_ATTACHMENTS : SK_SET_LIFE | SK_SET_RESULT,
			.to = &to };
	moves[1].expect_phase = SK_FINISHED;
	apply(q, SK_OP_MOVE, &(struct sk_op_move){ .moves = moves, .n = 2 }.op, a);
	apply(q, SK_OP_REMOVE, &(struct sk_op_remove){ .ids = &id, .n = 1 }.op, a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sk_sq q;
	struct sk_arena *a = sk_arena_new();
	struct sk_err err;

	if (q.db.h == NULL) {
		sk_log_setup(&(struct sk_log_config){ .level = SK_CRITICAL });
		check(sk_sq_db_open(&q.db, ":memory:", &err) == SK_OK);
		check(sk_sq_schema_migrate(&q.db, 0, &err) == SK_OK);
	}
	check(sk_sq_begin(&q, &err) == SK_OK);
	fill(&q, a);
	write_values(&q, data, n);
	read_all(&q, a);
	change(&q, a);
	sk_sq_rollback(&q);
	sk_arena_free(a);
	return 0;
}
