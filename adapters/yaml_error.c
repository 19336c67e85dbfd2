/* yaml_error.c - what the library found wrong, in our words and at the place a person looks for. */
#include "adapters/yaml_priv.h"
#include <libfyaml.h>
#include <string.h>

struct fy_diag *
sk_yaml_diag(void)
{
	struct fy_diag_cfg config;
	struct fy_diag *diag;

	fy_diag_cfg_default(&config);
	config.fp = NULL;
	config.output_fn = NULL;
	config.level = FYET_ERROR;
	config.colorize = false;
	diag = fy_diag_create(&config);
	if (diag != NULL)
		fy_diag_set_collect_errors(diag, true);
	return diag;
}

/* The library's sentence starts with this; ours says what to do. */
static const struct {
	const char *theirs, *ours;
} sentences[] = {
	{ "invalid multiline plain key",
		"wrong indentation: this line belongs to the value above it and cannot be a key" },
	{ "invalid nested block mapping on the same line",
		"\": \" inside a value; put the value in quotes" },
	{ "tab character may not be used as indentation", "a tab cannot indent; use spaces" },
	{ "invalid tab", "a tab cannot indent; use spaces" },
	{ "cannot use tab for indentation", "a tab cannot indent; use spaces" },
	{ "could not find expected ':'", "expected \": \" behind the key" },
	{ "invalid scalar at the end of block sequence",
		"expected \"- \" as before it; is the indentation right?" },
	{ "invalid indentation in mapping",
		"wrong indentation: no key above it starts in this column" },
	{ "did not find expected key", "expected a key; is the indentation right?" },
	{ "missing mapping value", "expected \": \" behind the key" },
	{ "did not find expected '-' indicator", "expected \"- \"; is the indentation right?" },
	{ "missing document start", "something stands behind the end of the value" },
};

static const char *
our_words(const char *theirs)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strncmp(theirs, sentences[i].theirs, strlen(sentences[i].theirs)) == 0)
			return sentences[i].ours;
	return theirs;
}

static int
last_line(const char *text, size_t n)
{
	int line = 1;

	for (size_t i = 0; i + 1 < n; i++)
		if (text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n'))
			line++;
	return line;
}

void
sk_yaml_diagnose(const char *text, size_t n, struct fy_diag *diag, struct sk_problems *p)
{
	void *iterator = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iterator);
	int end = last_line(text, n);
	struct sk_yaml_open open;

	if (e == NULL) {
		sk_problem(p, 0, 0, "", "not valid YAML");
		return;
	}
	/* What was never closed is noticed at the end or where the next line makes no sense. */
	if (sk_yaml_open_before(text, n, e->line, &open) ||
		(sk_yaml_unclosed(text, n, &open) &&
			(e->line > open.line || e->line > end || strstr(e->msg, "without closing") != NULL))) {
		sk_problem(p, open.line, open.column, "", "this %c is never closed", open.mark);
		return;
	}
	if (e->fyt != NULL && strncmp(e->msg, "invalid multiline", 17) == 0) {
		const struct fy_mark *mark = fy_token_end_mark(e->fyt);

		sk_problem(p, mark != NULL ? mark->line + 1 : e->line, 0, "", "%s", our_words(e->msg));
		return;
	}
	/* Behind the end there is nothing to look at. */
	if (e->line > end)
		sk_problem(p, end, 0, "", "%s", our_words(e->msg));
	else
		sk_problem(p, e->line, e->column, "", "%s", our_words(e->msg));
}
