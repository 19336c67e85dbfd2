/* node_tail.c - the end of what tasks print, put into the state cache, so that it can be read on
 * other machines (sk_node_config.share): about once a second while it grows, and once more before
 * the end of the attempt is stored.
 *
 * The work is bounded: a second brings at most LOOKS looks at files and PUTS values of 64 KiB; with
 * more tasks than that they take turns. Tasks that print less often cost less. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/model/names.h"
#include "core/run/node_priv.h"
#include "core/run/tail.h"
#include <errno.h>
#include <string.h>

#define PERIOD_MS 1000
#define LOOKS 256
#define PUTS 32
#define ENDS 128 /* in a second, of tasks that were never looked at: short ones */
#define TTL_MS ((int64_t)3600000)
#define FRESH_MS (TTL_MS / 2) /* what does not grow is put again after this long */

static const char *
key_of(const struct node_task *t, struct sk_str *key)
{
	sk_str_addf(key, SK_KEY_OUTPUT, t->id, (unsigned)t->attempt);
	return sk_str_text(key);
}

static void
put(struct sk_node *n, struct node_task *t, struct sk_tail *tail)
{
	struct sk_str key = SK_STR_INIT, value = SK_STR_INIT;

	sk_tail_write(&value, tail);
	n->cfg.cache->ops->put(n->cfg.cache, key_of(t, &key), value.p, value.len, TTL_MS);
	t->tail_size = tail->total;
	t->tail_ms = sk_boot_ms();
	sk_str_release(&key);
	sk_str_release(&value);
}

/* Has it something new, or is what is there growing old? True when it was put. */
static bool
look(struct sk_node *n, struct node_task *t, bool ended)
{
	struct sk_str *text = &n->tail.text;
	bool fresh = t->tail_ms != 0 && sk_boot_ms() - t->tail_ms < FRESH_MS;
	struct sk_tail tail = { .ended = ended };

	tail.total = sk_tail_of_file(
		text, n->cfg.data_dir, t->id, t->attempt, SK_TAIL_MAX, ended || !fresh ? -1 : t->tail_size);
	if (tail.total < 0) {
		if (!n->tail.failing)
			sk_log_task(SK_WARNING, n->cfg.component, t->id, t->attempt,
				"its output cannot be shared: %s", strerror(errno));
		n->tail.failing = true;
		return false;
	}
	n->tail.failing = false;
	if (tail.total == 0 || (!ended && fresh && tail.total == t->tail_size))
		return false;
	tail.bytes = text->p;
	tail.n = text->len;
	put(n, t, &tail);
	return true;
}

static bool
is_looked_at(const struct node_task *t)
{
	return t->given && t->started && !t->ended && !t->gone && !t->fenced;
}

/* From where the last one stopped; at most once around. */
static void
tick(void *arg)
{
	struct sk_node *n = arg;
	size_t looks = 0, puts = 0, from = n->tail.at;
	bool again = false; /* from the first of the table */

	n->tail.ends = 0;
	while (looks < LOOKS && puts < PUTS) {
		struct node_task *t = sk_map_each(&n->tasks, &n->tail.at);

		if ((t == NULL && again) || (again && n->tail.at > from))
			break;
		if (t == NULL) {
			n->tail.at = 0;
			again = true;
		} else if (is_looked_at(t)) {
			looks++;
			puts += look(n, t, false);
		}
	}
	sk_timer_set(n->cfg.loop, &n->tail.timer, sk_boot_ms() + PERIOD_MS);
}

static bool
is_on(const struct sk_node *n)
{
	return n->cfg.share && n->cfg.data_dir[0] != '\0';
}

void
node_tail_begin(struct sk_node *n)
{
	n->tail.timer = (struct sk_timer){ .fn = tick, .arg = n };
	if (is_on(n))
		sk_timer_set(n->cfg.loop, &n->tail.timer, sk_boot_ms() + PERIOD_MS);
	else if (n->cfg.share)
		sk_log(SK_WARNING, n->cfg.component,
			"there is no data directory: what tasks print is kept nowhere, `skalds task logs` "
			"shows "
			"none of it");
}

/* The same id and number may have been another task's, which was deleted. */
void
node_tail_started(struct sk_node *n, const struct node_task *t)
{
	struct sk_str key = SK_STR_INIT;

	if (!is_on(n))
		return;
	n->cfg.cache->ops->remove(n->cfg.cache, key_of(t, &key));
	sk_str_release(&key);
}

void
node_tail_end(struct sk_node *n, struct node_task *t)
{
	if (!is_on(n) || !t->started || t->tail_over || (t->tail_ms == 0 && n->tail.ends >= ENDS))
		return;
	t->tail_over = true;
	n->tail.ends += t->tail_ms == 0;
	look(n, t, true);
}

void
node_tail_free(struct sk_node *n)
{
	sk_timer_clear(n->cfg.loop, &n->tail.timer);
	sk_str_release(&n->tail.text);
}
