/* complete.c - `skalds __complete -- WORD…`: what the completions of the shells ask while a line
 * is typed. The words are those behind "skalds" up to the cursor, the one to complete the last.
 * Prints one candidate a line; quick, and silent about everything. */
#include "cmd/task.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

#define LIMIT "100"
#define MAX_POS 64

struct completing {
	const char *const *words;
	int n;
	const char *word; /* the last one */
	const struct sk_cmd *cmd; /* the verb, or the command without one; NULL = not known yet */
	const char *pos[MAX_POS]; /* arguments of cmd that are there already */
	int n_pos;
	const struct sk_opt *flag; /* whose value the last word is, or NULL */
	struct sk_given given[8]; /* --data and the like, for the settings */
	size_t n_given;
	const struct sk_settings *settings;
};

/* ---- the line ---- */

static const struct sk_opt *
find_flag(const struct completing *c, const char *word)
{
	const struct sk_opt *tables[] = { c->cmd != NULL ? c->cmd->options : NULL, sk_global_options };
	bool is_long = word[1] == '-';

	for (size_t i = 0; i < 2; i++)
		for (const struct sk_opt *o = tables[i]; o != NULL && o->name != NULL; o++)
			if (is_long ? strcmp(o->name, word + 2) == 0 : o->letter == word[1] && word[2] == '\0')
				return o;
	return NULL;
}

static void
take_value(struct completing *c, const struct sk_opt *o, const char *value)
{
	for (const struct sk_opt *g = sk_global_options; g->name != NULL; g++)
		if (g == o && c->n_given < sizeof(c->given) / sizeof(c->given[0]))
			c->given[c->n_given++] = (struct sk_given){ o, value };
}

static bool
take_with_equals(struct completing *c, const char *word)
{
	size_t n = strcspn(word, "=");
	char name[64];
	const struct sk_opt *o;

	if (word[n] == '\0' || n >= sizeof(name))
		return false;
	memcpy(name, word, n);
	name[n] = '\0';
	o = find_flag(c, name);
	if (o != NULL)
		take_value(c, o, word + n + 1);
	return true;
}

static void
take_word(struct completing *c, const char *word)
{
	const struct sk_command *command;

	if (c->cmd == NULL) {
		command = sk_command_find(word);
		c->cmd = command != NULL ? command->cmd : NULL;
	} else if (c->cmd->verbs != NULL)
		c->cmd = sk_verb_find(c->cmd, word);
	else if (c->n_pos < MAX_POS)
		c->pos[c->n_pos++] = word;
}

/* False when there is nothing to say: behind "--", or of a command that does not exist. */
static bool
read_line(struct completing *c)
{
	for (int i = 0; i + 1 < c->n; i++) {
		const char *word = c->words[i];
		const struct sk_opt *o;

		if (strcmp(word, "--") == 0)
			return false;
		if (word[0] != '-' || word[1] == '\0') {
			take_word(c, word);
			if (c->cmd == NULL)
				return false;
			continue;
		}
		if (take_with_equals(c, word))
			continue;
		o = find_flag(c, word);
		if (o == NULL || o->value == NULL)
			continue;
		if (i + 2 == c->n)
			c->flag = o;
		else
			take_value(c, o, c->words[++i]);
	}
	return c->cmd != NULL && c->cmd->verbs == NULL;
}

/* ---- candidates ---- */

static void
offer(const struct completing *c, const char *text, const char *suffix)
{
	size_t n = strlen(c->word);

	if (strncmp(text, c->word, n) == 0 && *text != '\0' && strpbrk(text, "\n\r") == NULL)
		printf("%s%s\n", text, suffix);
}

/* The members "id" of a list that the door gives. */
static void
offer_ids(const struct completing *c, const char *path)
{
	const struct sk_door_config cfg = { .command = "__complete", .silent = true };
	struct sk_door *d = sk_door_open(c->settings, &cfg);
	struct sk_arena *a = sk_arena_new();
	struct sk_http_answer answer;

	if (sk_door_call(d, "GET", path, NULL, &answer) == 0) {
		const struct sk_value *v = sk_answer_parse(NULL, &answer.body, a);
		struct sk_value *const *items;
		size_t n;

		items = sk_member_list(v, "items", &n);
		for (size_t i = 0; i < n; i++)
			offer(c, sk_member_text(items[i], "id"), "");
		sk_door_release(&answer);
	}
	sk_arena_free(a);
	sk_door_close(d);
}

/* Only tasks that the verb can do something with. */
static const char *
states_for(const struct completing *c)
{
	if (c->cmd == &sk_task_cancel || c->cmd == &sk_task_pause || c->cmd == &sk_task_resume)
		return "Created,Assigning,Running,Paused";
	if (c->cmd == &sk_task_retry || c->cmd == &sk_task_delete)
		return "Finished,Failed,Cancelled";
	return "";
}

static void
offer_tasks(const struct completing *c)
{
	struct sk_str path = SK_STR_INIT;
	const char *states = c->flag == NULL ? states_for(c) : "";

	sk_str_adds(&path, "/v1/tasks?limit=" LIMIT);
	if (*states != '\0')
		sk_str_addf(&path, "&state=%s", states);
	if (*c->word != '\0') {
		sk_str_adds(&path, "&id=");
		sk_url_add(&path, c->word);
	}
	offer_ids(c, path.p);
	sk_str_release(&path);
}

static void
offer_classes(const struct completing *c)
{
	for (const struct sk_worker *const *w = sk_workers; *w != NULL; w++)
		offer(c, (*w)->name, "");
}

static bool
is_given(const struct completing *c, const char *key)
{
	size_t n = strlen(key);

	for (int i = 1; i < c->n_pos; i++)
		if (strncmp(c->pos[i], key, n) == 0 && c->pos[i][n] == '=')
			return true;
	return false;
}

static void
offer_attachments(const struct completing *c, const char *class_name)
{
	const struct sk_worker *w = sk_worker_find(class_name);

	for (const struct sk_field *f = w != NULL ? w->fields : NULL;
		 f != NULL && f->kind != SK_FIELD_END; f++) {
		const char *key = f->key != NULL ? f->key : f->name;

		if (!is_given(c, key))
			offer(c, key, "=");
	}
}

/* Of the task whose attachments are to be changed. */
static void
offer_for_update(const struct completing *c)
{
	const struct sk_door_config cfg = { .command = "__complete", .silent = true };
	struct sk_door *d = sk_door_open(c->settings, &cfg);
	struct sk_arena *a = sk_arena_new();
	int code;
	const struct sk_value *task = sk_task_fetch(d, NULL, c->pos[0], "", a, &code);

	if (task != NULL)
		offer_attachments(c, sk_member_text(task, "className"));
	sk_arena_free(a);
	sk_door_close(d);
}

static void
offer_value(const struct completing *c)
{
	if (strstr(c->flag->value, "SKALD") != NULL)
		offer_ids(c, "/v1/skalds");
	else if (strncmp(c->flag->value, "ID", 2) == 0)
		offer_tasks(c);
}

static void
offer_arguments(const struct completing *c)
{
	if (c->cmd == &sk_task_add && c->n_pos == 0)
		offer_classes(c);
	else if (c->cmd == &sk_task_add)
		offer_attachments(c, c->pos[0]);
	else if (c->cmd == &sk_task_update && c->n_pos > 0)
		offer_for_update(c);
	else if (c->cmd->usage == NULL || (c->cmd->max_args >= 0 && c->n_pos >= c->cmd->max_args))
		return;
	else if (strncmp(c->cmd->usage, "SKALD", 5) == 0)
		offer_ids(c, "/v1/skalds");
	else if (strncmp(c->cmd->usage, "ID", 2) == 0 || strncmp(c->cmd->usage, "[ID]", 4) == 0)
		offer_tasks(c);
}

static int
complete_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct completing c = { .words = args->command, .n = args->n_command };
	struct sk_args line = { .n_given = 0 };
	struct sk_settings *own;

	(void)settings;
	if (c.n == 0)
		return SK_EXIT_OK;
	c.word = c.words[c.n - 1];
	if (!read_line(&c))
		return SK_EXIT_OK;
	line.given = c.given;
	line.n_given = c.n_given;
	own = sk_settings_load(&line);
	c.settings = own;
	if (c.flag != NULL)
		offer_value(&c);
	else
		offer_arguments(&c);
	sk_settings_free(own);
	return SK_EXIT_OK;
}

const struct sk_cmd sk_cmd_complete = {
	.name = "__complete",
	.summary = "Asked by the completions of the shells",
	.usage = "-- WORD...",
	.takes_command = true,
	.run = complete_run,
};
