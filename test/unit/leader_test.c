/* Several controllers on one store: who leads, until when, and that what the others are asked for
 * is done by the one who does. */
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "core/base/log.h"
#include "core/control/changes.h"
#include "test/unit/leader_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TAKEOVER_MS (LEASE_MS + 2000)

static struct leader_rig g;
static struct leader_sim s0;

static int
setup(void **state)
{
	(void)state;
	lead_open(&g, PEERS);
	s0 = (struct leader_sim){ .id = "s0", .incarnation = 1 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lead_close(&g);
	return 0;
}

static bool
somebody_leads(struct leader_rig *r)
{
	return lead_leader(r) != -1;
}

/* Everybody is up, one leads and knows skald s0. Returns who. */
static int
begin(void)
{
	assert_true(lead_until(&g, 1000, somebody_leads));
	lead_skald(&g, &s0, true);
	lead_run(&g, 100);
	lead_skald(&g, &s0, true);
	lead_run(&g, 100);
	return lead_leader(&g);
}

static int
other_than(int k)
{
	return (k + 1) % PEERS;
}

static const struct sk_value *
store_map(struct leader_rig *r, const char *json)
{
	struct sk_problems p;

	sk_problems_init(&p, r->arena, "");
	return sk_json_parse(json, strlen(json), r->arena, &p);
}

/* ---- who leads ---- */

static void
one_leads_and_all_know_who(void **state)
{
	int k = begin();
	char name[SK_LEADER_TEXT], want[8];
	uint64_t term;

	(void)state;
	lead_run(&g, 60000);
	assert_int_equal(lead_leader(&g), k);
	assert_int_equal(g.term, 1);
	snprintf(want, sizeof(want), "c%d", k);
	for (int i = 0; i < PEERS; i++) {
		assert_true(sk_control_ready(g.peers[i].c));
		sk_leader_seen(g.peers[i].c->leader, name, &term);
		assert_string_equal(name, want);
		assert_int_equal(term, 1);
	}
}

struct said {
	struct sk_str body;
	bool done;
};

static void
respond(void *arg, const struct sk_api_response *answer)
{
	struct said *s = arg;

	assert_int_equal(answer->status, 200);
	sk_str_add(&s->body, answer->body, answer->len);
	s->done = true;
}

static void
status_has(int peer, const char *part)
{
	struct said s = { .body = SK_STR_INIT };
	const struct sk_api_request req = { .method = "GET",
		.role = SK_ROLE_ADMIN,
		.path = "/v1/status",
		.query = "",
		.content_type = "",
		.idempotency_key = "",
		.body = "",
		.respond = respond,
		.arg = &s };

	sk_api_call(g.peers[peer].c, &req);
	lead_turn(&g);
	assert_true(s.done);
	if (strstr(s.body.p, part) == NULL)
		fail_msg("no %s in %s", part, s.body.p);
	sk_str_release(&s.body);
}

static void
the_status_tells_who_leads(void **state)
{
	int k = begin(), other = other_than(k);
	char part[80];

	(void)state;
	snprintf(part, sizeof(part), "\"leader\":{\"name\":\"c%d\",\"term\":1,\"self\":true}", k);
	status_has(k, part);
	status_has(k, "\"dispatching\":true");
	snprintf(part, sizeof(part), "\"leader\":{\"name\":\"c%d\",\"term\":1,\"self\":false}", k);
	status_has(other, part);
	status_has(other, "\"dispatching\":false");
	status_has(other, "\"online\":1");
	g.peers[k].still = true;
	lead_run(&g, TAKEOVER_MS);
	g.peers[k].still = false;
	lead_run(&g, 1000);
	snprintf(part, sizeof(part), "\"name\":\"c%d\",\"term\":2,", lead_leader(&g));
	status_has(k, part);
	status_has(k, "\"self\":false");
}

static void
a_dead_leader_is_followed_in_time(void **state)
{
	(void)state;
	begin();
	for (int round = 0; round < 40; round++) {
		int k = lead_leader(&g);
		int64_t renewed;

		lead_run(&g, 170 * round % 4000); /* wherever its renewals stand */
		g.peers[k].still = true;
		renewed = g.renewed_ms;
		lead_run(&g, LEASE_MS / 3);
		assert_true(lead_leader(&g) == k || g.now > renewed + LEASE_MS - 1000);
		while (lead_leader(&g) == k)
			lead_run(&g, 10);
		assert_true(lead_until(&g, 3 * LEASE_MS, somebody_leads));
		assert_in_range(g.taken_ms, renewed + LEASE_MS - 1000, renewed + TAKEOVER_MS);
		assert_int_not_equal(lead_leader(&g), k);
		assert_int_equal(g.term, round + 2);
		g.peers[k].still = false;
		lead_run(&g, 1000);
	}
}

static void
a_leader_without_the_store_stops_before_the_next_begins(void **state)
{
	int k = begin();
	int64_t renewed, stopped;

	(void)state;
	g.peers[k].cut = true;
	renewed = g.renewed_ms;
	while (lead_leader(&g) == k)
		lead_run(&g, 10);
	stopped = g.now;
	assert_in_range(stopped, renewed + LEASE_MS - 1010, renewed + LEASE_MS - 990);
	assert_true(lead_until(&g, 2 * LEASE_MS, somebody_leads));
	assert_in_range(g.taken_ms, stopped + 900, renewed + TAKEOVER_MS);
	assert_int_not_equal(lead_leader(&g), k);
	g.peers[k].cut = false;
	k = lead_leader(&g);
	lead_run(&g, 3 * LEASE_MS); /* the old one stays without it */
	assert_int_equal(lead_leader(&g), k);
	assert_int_equal(g.term, 2);
}

static void
a_store_that_is_away_for_all_makes_nobody_new(void **state)
{
	int k = begin();

	(void)state;
	for (int i = 0; i < PEERS; i++)
		g.peers[i].cut = true;
	lead_run(&g, 5 * LEASE_MS);
	assert_int_equal(lead_leader(&g), -1);
	for (int i = 0; i < PEERS; i++)
		g.peers[i].cut = false;
	assert_true(lead_until(&g, 1000, somebody_leads)); /* it only has to renew */
	assert_int_equal(lead_leader(&g), k);
}

static void
a_lead_that_is_left_is_taken_at_once(void **state)
{
	int k = begin();
	int64_t left;

	(void)state;
	sk_control_stop(g.peers[k].c);
	left = g.now;
	assert_false(sk_control_leads(g.peers[k].c));
	assert_false(sk_control_left(g.peers[k].c));
	assert_true(lead_until(&g, LEASE_MS, somebody_leads));
	assert_true(sk_control_left(g.peers[k].c));
	assert_int_not_equal(lead_leader(&g), k);
	assert_in_range(g.taken_ms, left, left + 600);
	assert_int_equal(g.term, 3); /* 2 was nobody's */
}

static void
a_leader_that_stood_still_does_nothing_more(void **state)
{
	int k = begin(), new;
	size_t assigned, canceled;

	(void)state;
	for (int i = 0; i < 6; i++) { /* two more than there is room for */
		char id[8];

		snprintf(id, sizeof(id), "t%d", i);
		assert_true(lead_add(&g, k, id, NULL));
	}
	lead_run(&g, 50);
	assert_int_equal(lead_phase(&g, "t3"), SK_ASSIGNING);
	assert_int_equal(lead_phase(&g, "t4"), SK_CREATED);
	/* a slot becomes free, it hears that and sends an assignment, which stays on the way */
	g.peers[k].slow = true;
	assert_true(lead_step(&g, "t0", SK_LIFE_START) && lead_step(&g, "t0", SK_LIFE_FINISH));
	for (int i = 0; i < PEERS; i++)
		g.peers[i].deaf = i != k;
	lead_say(&g, SK_EVENT_FINISHED, "t0", 1, "s0");
	for (int i = 0; i < PEERS; i++)
		g.peers[i].deaf = false;
	peer_hear(&g.peers[k]);
	peer_loop(&g.peers[k]);
	assert_true(g.peers[k].out.n > 0);
	g.peers[k].still = true;
	assigned = g.peers[k].assigned;
	canceled = g.peers[k].canceled;
	lead_run(&g, LEASE_MS);
	assert_true(lead_until(&g, LEASE_MS, somebody_leads));
	new = lead_leader(&g);
	assert_int_not_equal(new, k);
	/* it goes on: what was on the way comes too late, what it hears makes it do nothing */
	g.peers[k].still = g.peers[k].slow = false;
	assert_true(lead_step(&g, "t1", SK_LIFE_START) && lead_step(&g, "t1", SK_LIFE_FINISH));
	for (int i = 0; i < PEERS; i++)
		g.peers[i].deaf = i != k;
	lead_say(&g, SK_EVENT_FINISHED, "t1", 1, "s0");
	for (int i = 0; i < PEERS; i++)
		g.peers[i].deaf = false;
	peer_hear(&g.peers[k]);
	peer_loop(&g.peers[k]);
	lead_run(&g, 100);
	assert_int_equal(g.peers[k].assigned, assigned);
	assert_true(g.peers[k].canceled > canceled);
	lead_skald(&g, &s0, true);
	lead_run(&g, 6000);
	assert_int_equal(lead_phase(&g, "t4"), SK_ASSIGNING);
	assert_int_equal(lead_phase(&g, "t5"), SK_ASSIGNING);
	assert_true(g.peers[new].assigned >= 2);
}

static void
a_task_is_accepted_although_the_lead_ends_on_its_way(void **state)
{
	int k = begin();
	struct peer *p = &g.peers[k];
	struct lead_adding *a;

	(void)state;
	p->still = true;
	a = lead_add_begin(&g, k, "early", NULL);
	assert_int_equal(a->r.life.phase, SK_ASSIGNING); /* one commit where a skald is free */
	lead_run(&g, LEASE_MS - 800); /* its time is over, the others wait still */
	assert_false(a->done);
	for (int i = 0; i < 2; i++) {
		peer_send(p, false);
		peer_hear(p);
	}
	assert_true(a->done && a->op.op.code == SK_OK);
	assert_int_equal(p->canceled, 1);
	assert_int_equal(lead_get(&g, "early")->life.attempt, 0);
	p->still = false;
	assert_true(lead_until(&g, LEASE_MS, somebody_leads));
	lead_skald(&g, &s0, true);
	lead_run(&g, 100);
	assert_int_equal(lead_phase(&g, "early"), SK_ASSIGNING);
}

/* ---- skalds ---- */

static void
a_new_leader_gives_skalds_a_full_lease(void **state)
{
	const int64_t patience = LEASE_MS + LEASE_MS / 5;
	int64_t taken;
	int k = begin();

	(void)state;
	assert_true(lead_add(&g, k, "t", NULL));
	assert_true(lead_step(&g, "t", SK_LIFE_START));
	lead_run(&g, 4000); /* it is silent from here on */
	g.peers[k].still = true;
	lead_run(&g, LEASE_MS - 1000);
	assert_true(lead_until(&g, LEASE_MS, somebody_leads));
	taken = g.taken_ms;
	while (g.now < taken + patience - 100) {
		lead_run(&g, 10);
		assert_int_equal(lead_phase(&g, "t"), SK_RUNNING);
	}
	lead_run(&g, 4000);
	assert_int_equal(lead_get(&g, "t")->exit.reason, SK_REASON_LOST);
}

static void
a_skald_that_came_back_meanwhile_keeps_what_it_was_given(void **state)
{
	int k = begin(), new;

	(void)state;
	/* the others do not hear that it starts anew, nor read its row before they lead */
	for (int i = 0; i < PEERS; i++)
		g.peers[i].deaf = g.peers[i].slow = i != k;
	s0.incarnation = 2;
	lead_skald(&g, &s0, true);
	lead_run(&g, 50);
	assert_true(lead_add(&g, k, "t", NULL));
	assert_int_equal(lead_get(&g, "t")->life.incarnation, 2);
	assert_true(lead_step(&g, "t", SK_LIFE_START));
	sk_control_stop(g.peers[k].c);
	for (int i = 0; i < PEERS; i++)
		g.peers[i].deaf = g.peers[i].slow = false;
	lead_run(&g, 1000);
	new = lead_leader(&g);
	assert_int_not_equal(new, k);
	for (int i = 0; i < 20; i++) {
		lead_skald(&g, &s0, false);
		lead_run(&g, 1000);
		assert_int_equal(lead_phase(&g, "t"), SK_RUNNING);
	}
	s0.incarnation = 3; /* now it is over */
	lead_skald(&g, &s0, true);
	lead_run(&g, 4000);
	assert_int_equal(lead_get(&g, "t")->exit.reason, SK_REASON_LOST);
}

/* Somebody has given it to a skald, as late as a slow store makes it. */
static void
give(const char *id, const struct leader_sim *s)
{
	struct sk_record *r = lead_get(&g, id);
	const struct sk_life_event ev = {
		.kind = SK_LIFE_ASSIGN, .executor = s->id, .incarnation = s->incarnation
	};
	struct sk_move move = { .id = id, .expect_phase = SK_CREATED, .set = SK_SET_LIFE, .to = r };
	struct sk_op_move op = { .moves = &move, .n = 1 };
	struct sk_err err;

	assert_int_equal(sk_life_step(&r->life, &ev, &err), SK_OK);
	lead_wait(&g, &op.op, SK_OP_MOVE);
	assert_int_equal(move.code, SK_OK);
}

static void
a_start_that_is_newer_than_the_rows_is_no_loss(void **state)
{
	int k = begin();

	(void)state;
	assert_true(lead_add(&g, k, "big", store_map(&g, "{\"resources\":{\"cpus\":99}}")));
	s0.incarnation = 2;
	lead_skald(&g, &s0, false); /* not read yet */
	give("big", &s0);
	sk_monitor_look(g.peers[k].c, NULL);
	lead_turn(&g);
	lead_run(&g, 7000);
	assert_int_equal(lead_phase(&g, "big"), SK_ASSIGNING);
	s0.incarnation = 3;
	lead_skald(&g, &s0, false);
	lead_run(&g, 7000);
	assert_int_equal(lead_get(&g, "big")->exit.reason, SK_REASON_LOST);
}

/* ---- what the others are asked ---- */

static void
what_another_stores_starts_at_once(void **state)
{
	int k = begin(), other = other_than(k);

	(void)state;
	assert_true(lead_add(&g, other, "t", NULL));
	assert_int_equal(lead_get(&g, "t")->life.attempt, 0);
	lead_run(&g, 0);
	assert_int_equal(lead_phase(&g, "t"), SK_ASSIGNING);
	assert_int_equal(g.peers[other].assigned, 0);
	assert_int_equal(g.peers[k].assigned, 1);
	/* and is counted everywhere */
	for (int i = 0; i < PEERS; i++) {
		struct sk_control_numbers n;
		const struct sk_skald_view *views;

		sk_control_numbers(g.peers[i].c, &n);
		assert_int_equal(n.live, 1);
		assert_int_equal(sk_skalds_view(g.peers[i].c, &views), 1);
		assert_true(views[0].online);
		assert_int_equal(views[0].tasks, 1);
	}
	assert_true(lead_step(&g, "t", SK_LIFE_START) && lead_step(&g, "t", SK_LIFE_FINISH));
	lead_say(&g, SK_EVENT_FINISHED, "t", 1, "s0");
	lead_run(&g, 0);
	for (int i = 0; i < PEERS; i++) {
		struct sk_control_numbers n;

		sk_control_numbers(g.peers[i].c, &n);
		assert_int_equal(n.live, 0);
	}
}

static void
what_another_stores_starts_without_the_bus(void **state)
{
	int k = begin(), other = other_than(k);

	(void)state;
	/* something waits all the time that nobody can run */
	assert_true(lead_add(&g, k, "big", store_map(&g, "{\"resources\":{\"cpus\":99}}")));
	for (int i = 0; i < PEERS; i++)
		g.peers[i].mute = g.peers[i].deaf = true;
	assert_true(lead_add(&g, other, "t", NULL));
	lead_run(&g, 0);
	assert_int_equal(lead_phase(&g, "t"), SK_CREATED);
	lead_run(&g, 5000);
	assert_int_equal(lead_phase(&g, "t"), SK_ASSIGNING);
	assert_int_equal(lead_phase(&g, "big"), SK_CREATED);
}

static void
dependencies_of_another_are_seen_to(void **state)
{
	int k = begin(), other = other_than(k);

	(void)state;
	assert_true(lead_add(&g, other, "a", NULL));
	assert_true(lead_add(&g, other, "b", store_map(&g, "{\"dependencies\":[\"a\"]}")));
	lead_run(&g, 50);
	assert_int_equal(lead_phase(&g, "a"), SK_ASSIGNING);
	assert_int_equal(lead_phase(&g, "b"), SK_CREATED);
	assert_true(lead_step(&g, "a", SK_LIFE_START) && lead_step(&g, "a", SK_LIFE_FINISH));
	lead_say(&g, SK_EVENT_FINISHED, "a", 1, "s0");
	lead_run(&g, 50);
	assert_int_equal(lead_phase(&g, "b"), SK_ASSIGNING);
	assert_int_equal(g.peers[other].assigned, 0);
}

static void
changed_page(void *arg, const struct sk_changed *results, size_t n, size_t n_ok)
{
	(void)results;
	(void)n;
	*(size_t *)arg += n_ok;
}

static void
changed(void *arg, enum sk_code code, const struct sk_err *err)
{
	(void)arg;
	(void)err;
	assert_int_equal(code, SK_OK);
}

static size_t
change(int peer, enum sk_change kind, const char *id)
{
	static size_t n;
	const char *ids[1] = { id };
	const struct sk_changes c = {
		.kind = kind, .ids = ids, .n = 1, .page = changed_page, .done = changed, .arg = &n
	};

	n = 0;
	sk_changes_run(g.peers[peer].c, &c);
	lead_run(&g, 100);
	return n;
}

static void
every_change_works_on_every_controller(void **state)
{
	int k = begin(), other = other_than(k);

	(void)state;
	assert_true(lead_add(&g, other, "t", NULL));
	lead_run(&g, 0);
	assert_int_equal(change(other, SK_CHANGE_CANCEL, "t"), 1);
	assert_int_equal(lead_get(&g, "t")->life.wanted, SK_WANT_CANCEL);
	assert_true(lead_step(&g, "t", SK_LIFE_GONE));
	lead_say(&g, SK_EVENT_CANCELLED, "t", 1, "s0");
	lead_run(&g, 50);
	assert_int_equal(change(other, SK_CHANGE_RETRY, "t"), 1);
	assert_int_equal(lead_phase(&g, "t"), SK_ASSIGNING); /* the leader has heard of it */
	assert_int_equal(lead_get(&g, "t")->life.attempt, 2);
	assert_int_equal(change(other, SK_CHANGE_PAUSE, "t"), 1);
	assert_int_equal(lead_get(&g, "t")->life.wanted, SK_WANT_PAUSE);
	assert_int_equal(change(other, SK_CHANGE_RESUME, "t"), 1);
	assert_true(lead_step(&g, "t", SK_LIFE_START) && lead_step(&g, "t", SK_LIFE_FINISH));
	assert_int_equal(change(other, SK_CHANGE_DELETE, "t"), 1);
	assert_null(lead_get(&g, "t"));
}

static void
arrays_of_another_start_and_stop(void **state)
{
	int k = begin(), other = other_than(k);
	char id[8];

	(void)state;
	assert_true(lead_add(&g, other, "a", store_map(&g, "{\"array\":1}")));
	lead_run(&g, 100);
	assert_int_equal(lead_phase(&g, "a"), SK_RUNNING);
	assert_int_equal(lead_phase(&g, "a.3"), SK_ASSIGNING); /* as many as there is room for */
	assert_int_equal(lead_phase(&g, "a.4"), SK_N_PHASE);
	assert_int_equal(change(other, SK_CHANGE_CANCEL, "a"), 1);
	for (int i = 0; i < 4; i++) {
		snprintf(id, sizeof(id), "a.%d", i);
		assert_int_equal(lead_get(&g, id)->life.wanted, SK_WANT_CANCEL);
		assert_true(lead_step(&g, id, SK_LIFE_GONE));
		lead_say(&g, SK_EVENT_CANCELLED, id, 1, "s0");
	}
	for (int i = 0; i < 40 && lead_phase(&g, "a") != SK_CANCELLED; i++) {
		sk_loop_once(g.peers[k].loop, 10); /* its timer is the loop's */
		lead_run(&g, 10);
	}
	assert_int_equal(lead_phase(&g, "a"), SK_CANCELLED);
	assert_int_equal(lead_phase(&g, "a.4"), SK_N_PHASE);
}

/* The leader does not hear that the parent is cancelled, and starts elements. */
static void
elements_that_start_behind_a_cancel_are_stopped(void **state)
{
	int k = begin(), other = other_than(k);

	(void)state;
	assert_true(lead_add(&g, other, "a", store_map(&g, "{\"array\":1}")));
	lead_run(&g, 100);
	g.peers[k].deaf = true;
	assert_int_equal(change(other, SK_CHANGE_CANCEL, "a"), 1);
	g.peers[k].deaf = false;
	assert_true(lead_step(&g, "a.0", SK_LIFE_GONE));
	lead_say(&g, SK_EVENT_CANCELLED, "a.0", 1, "s0"); /* there is room for another */
	for (int i = 0; i < 40; i++) {
		sk_loop_once(g.peers[k].loop, 10);
		lead_run(&g, 10);
	}
	if (lead_phase(&g, "a.4") != SK_N_PHASE)
		assert_int_equal(lead_get(&g, "a.4")->life.wanted, SK_WANT_CANCEL);
	assert_int_equal(lead_phase(&g, "a.5"), SK_N_PHASE);
}

/* ---- on the real clock ---- */

static void
run_for(struct sk_loop *loop, int64_t ms)
{
	int64_t end = sk_boot_ms() + ms;

	while (sk_boot_ms() < end)
		sk_loop_once(loop, 5);
}

/* Its own timers renew the lead, and hand it on. */
static void
timers_do_it_all(void **state)
{
	static const struct sk_worker *const none[] = { NULL };
	struct sk_control_config cfg = { .workers = none,
		.dispatch = true,
		.lead = true,
		.lead_ms = 300,
		.lease_ms = 60000,
		.reconcile_ms = 5000,
		.data_dir = "" };
	struct sk_control *c[2];
	struct sk_err err;
	int k;

	(void)state;
	cfg.loop = sk_loop_new(&err);
	cfg.store = sk_store_memory_open(cfg.loop);
	cfg.bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = cfg.loop });
	cfg.cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = cfg.loop });
	for (int i = 0; i < 2; i++) {
		cfg.name = "same"; /* two starts of one name are two */
		c[i] = sk_control_new(&cfg);
		sk_control_start(c[i]);
	}
	run_for(cfg.loop, 100);
	assert_int_equal(sk_control_leads(c[0]) + sk_control_leads(c[1]), 1);
	k = sk_control_leads(c[1]);
	run_for(cfg.loop, 1200);
	assert_true(sk_control_leads(c[k]));
	assert_false(sk_control_leads(c[1 - k]));
	sk_control_stop(c[k]);
	run_for(cfg.loop, 150);
	assert_true(sk_control_left(c[k]));
	assert_true(sk_control_leads(c[1 - k]));
	sk_control_stop(c[1 - k]);
	sk_store_close(cfg.store);
	sk_control_free(c[0]);
	sk_control_free(c[1]);
	cfg.bus->ops->close(cfg.bus);
	cfg.cache->ops->close(cfg.cache);
	sk_loop_free(cfg.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(one_leads_and_all_know_who),
		T(the_status_tells_who_leads),
		T(a_dead_leader_is_followed_in_time),
		T(a_leader_without_the_store_stops_before_the_next_begins),
		T(a_store_that_is_away_for_all_makes_nobody_new),
		T(a_lead_that_is_left_is_taken_at_once),
		T(a_leader_that_stood_still_does_nothing_more),
		T(a_task_is_accepted_although_the_lead_ends_on_its_way),
		T(a_new_leader_gives_skalds_a_full_lease),
		T(a_skald_that_came_back_meanwhile_keeps_what_it_was_given),
		T(a_start_that_is_newer_than_the_rows_is_no_loss),
		T(what_another_stores_starts_at_once),
		T(what_another_stores_starts_without_the_bus),
		T(dependencies_of_another_are_seen_to),
		T(every_change_works_on_every_controller),
		T(arrays_of_another_start_and_stop),
		T(elements_that_start_behind_a_cancel_are_stopped),
		cmocka_unit_test(timers_do_it_all),
	};

	sk_log_setup(&(struct sk_log_config){ .level = SK_CRITICAL });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
