/* alerts_lead_test.c - alerts and history where several controllers share a store: the leader
 * judges, all of them show and acknowledge, and the next leader goes on. */
#include "core/base/log.h"
#include "core/control/alerts.h"
#include "core/control/history.h"
#include "test/unit/leader_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct leader_rig g;
static bool away;

static size_t
services(void *arg, struct sk_control_service out[SK_CONTROL_SERVICES])
{
	(void)arg;
	out[0] = (struct sk_control_service){ .name = "redis", .ok = !away, .text = "no answer" };
	return 1;
}

static int
setup(void **state)
{
	(void)state;
	away = false;
	lead_open(&g, PEERS);
	for (int k = 0; k < PEERS; k++)
		g.peers[k].c->cfg.services = services;
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

/* Time passes, and everybody who can judges every two seconds. */
static void
pass(int64_t ms)
{
	for (; ms > 0; ms -= 2000) {
		lead_run(&g, 2000);
		for (int k = 0; k < PEERS; k++)
			if (!g.peers[k].still)
				sk_alerts_tick(g.peers[k].c);
	}
	lead_run(&g, 200);
}

struct asked {
	int status;
	char body[2048];
};

static void
answered(void *arg, const struct sk_api_response *a)
{
	struct asked *k = arg;

	k->status = a->status;
	snprintf(k->body, sizeof(k->body), "%.*s", (int)a->len, a->body);
}

static struct asked
ask(int peer, const char *method, const char *path)
{
	struct asked k = { .status = 0 };
	const struct sk_api_request req = { .method = method,
		.path = path,
		.query = "",
		.content_type = "",
		.idempotency_key = "",
		.role = SK_ROLE_ADMIN,
		.who = "ann",
		.body = "",
		.respond = answered,
		.arg = &k };

	sk_api_call(g.peers[peer].c, &req);
	lead_run(&g, 100);
	return k;
}

/* All of them tell the same. */
static void
all_show(const char *part)
{
	for (int k = 0; k < PEERS; k++) {
		struct asked a;

		if (g.peers[k].still)
			continue;
		a = ask(k, "GET", "/v1/alerts");
		assert_int_equal(a.status, 200);
		if (strstr(a.body, part) == NULL)
			fail_msg("c%d: no %s in %s", k, part, a.body);
	}
}

static const char *
ack_path(int peer)
{
	struct asked a = ask(peer, "GET", "/v1/alerts");
	const char *id = strstr(a.body, "\"id\":\"");

	assert_non_null(id);
	return sk_arena_printf(g.arena, "/v1/alerts/%.26s/acknowledge", id + 6);
}

static int
fired(void)
{
	assert_true(lead_until(&g, 1000, somebody_leads));
	pass(4000);
	away = true;
	pass(40000);
	all_show("\"state\":\"firing\"");
	return lead_leader(&g);
}

static void
all_show_what_the_leader_judges(void **state)
{
	(void)state;
	(void)fired();
	away = false;
	pass(4000);
	all_show("\"state\":\"resolved\"");
}

static void
whoever_is_asked_acknowledges(void **state)
{
	int k;
	struct asked a;

	(void)state;
	k = fired();
	a = ask((k + 1) % PEERS, "POST", ack_path((k + 1) % PEERS));
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"state\":\"acknowledged\""));
	pass(2000);
	all_show("\"acknowledgedBy\":\"ann\"");
}

static void
an_acknowledgement_is_found_without_the_bus(void **state)
{
	int k;

	(void)state;
	k = fired();
	g.peers[(k + 1) % PEERS].mute = true;
	assert_int_equal(ask((k + 1) % PEERS, "POST", ack_path(k)).status, 200);
	pass(64000);
	all_show("\"acknowledgedBy\":\"ann\"");
}

static void
the_next_leader_goes_on(void **state)
{
	int k, next;
	const char *path;

	(void)state;
	k = fired();
	path = ack_path(k);
	g.peers[k].still = true;
	pass(30000);
	next = lead_leader(&g);
	assert_true(next != -1 && next != k);
	all_show("\"state\":\"firing\"");
	assert_string_equal(ack_path(next), path); /* it is the same one */
	assert_int_equal(
		ask((next + 1) % PEERS == k ? (next + 2) % PEERS : (next + 1) % PEERS, "POST", path).status,
		200);
	away = false;
	pass(6000);
	all_show("\"state\":\"resolved\"");
	all_show("\"acknowledgedBy\":\"ann\"");
	/* the old one wakes: it tells what the new one knows, and changes nothing */
	g.peers[k].still = false;
	away = true;
	pass(6000);
	all_show("\"state\":\"resolved\"");
}

/* How many settings of the history there are. */
static int
blocks(void)
{
	int n = 0;

	for (int i = 0; i < SK_HISTORY_BLOCKS; i++) {
		struct sk_op_setting op = { .op = { .arena = g.arena } };

		op.name = sk_arena_printf(g.arena, "history.%d", i);
		lead_wait(&g, &op.op, SK_OP_SETTING_GET);
		n += op.value[0] != '\0';
	}
	return n;
}

static void
only_the_leader_writes_history(void **state)
{
	const double values[SK_N_SERIES] = { 7 };
	int k;

	(void)state;
	assert_true(lead_until(&g, 1000, somebody_leads));
	lead_run(&g, 3000);
	k = lead_leader(&g);
	for (int i = 0; i < 12; i++)
		sk_history_add(g.peers[(k + 1) % PEERS].c, 170000000 + i, values);
	lead_run(&g, 1000);
	assert_int_equal(blocks(), 0);
	for (int i = 0; i < 12; i++) {
		sk_history_add(g.peers[k].c, 170000000 + i, values);
		lead_run(&g, 100);
	}
	assert_int_equal(blocks(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(all_show_what_the_leader_judges),
		T(whoever_is_asked_acknowledges),
		T(an_acknowledgement_is_found_without_the_bus),
		T(the_next_leader_goes_on),
		T(only_the_leader_writes_history),
	};

	sk_log_setup(&(struct sk_log_config){ .level = SK_CRITICAL });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
