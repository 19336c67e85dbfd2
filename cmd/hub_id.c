/* hub_id.c - the id of the skald of `up`, which stays the same from start to start. */
#include "cmd/hub.h"
#include <stdio.h>

struct asking {
	struct sk_store *store;
	struct sk_loop *loop;
};

static enum sk_code
setting(const struct asking *k, enum sk_op_kind kind, char id[SK_HUB_ID], struct sk_err *err)
{
	struct sk_op_setting op = {
		.op = { .kind = kind, .arena = sk_arena_new() }, .name = "skaldId", .value = id
	};
	enum sk_code code = sk_store_wait(k->store, k->loop, &op.op);

	if (code == SK_OK && kind == SK_OP_SETTING_GET)
		snprintf(id, SK_HUB_ID, "%s", op.value);
	else if (code != SK_OK)
		*err = op.op.err;
	sk_arena_free(op.op.arena);
	return code;
}

/* A full disk must not keep us from serving: the next start invents anew then. */
enum sk_code
sk_hub_id(const struct sk_hub_config *cfg, struct sk_store *store, struct sk_loop *loop,
	char id[SK_HUB_ID], struct sk_err *err)
{
	const struct asking k = { store, loop };
	enum sk_code code;

	if (cfg->id_invented) {
		code = setting(&k, SK_OP_SETTING_GET, id, err);
		if (code != SK_OK || id[0] != '\0')
			return code;
	}
	snprintf(id, SK_HUB_ID, "%s", cfg->skald_id);
	if (!cfg->id_invented)
		return SK_OK;
	code = setting(&k, SK_OP_SETTING_PUT, id, err);
	return code == SK_ENOSPC ? SK_OK : code;
}
