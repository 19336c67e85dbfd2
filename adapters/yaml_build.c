/* yaml_build.c - the events of libfyaml become a tree. The library's own documents are not used:
 * they would look up aliases without a budget. */
#include "adapters/yaml_build.h"
#include <string.h>

static struct sk_yaml_frame *
top(struct sk_yaml_builder *b)
{
	return b->depth > 0 ? &b->frames[b->depth - 1] : NULL;
}

/* ---- problems ---- */

static void
add_path(struct sk_yaml_builder *b, struct sk_str *path)
{
	for (size_t i = 0; i < b->depth; i++) {
		const struct sk_yaml_frame *f = &b->frames[i];

		if (f->v->kind == SK_LIST)
			sk_str_addf(path, "[%zu]", f->v->u.list.n);
		else if (f->key != NULL)
			sk_path_key(b->arena, path, f->key);
	}
}

static void
	SK_PRINTF(4, 5) complain(struct sk_yaml_builder *b, int line, int column, const char *fmt, ...)
{
	struct sk_str path = SK_STR_INIT, text = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	add_path(b, &path);
	sk_problem(b->problems, line, column, sk_str_text(&path), "%s", sk_str_text(&text));
	sk_str_release(&path);
	sk_str_release(&text);
}

/* A limit: the rest is not read and the tree is not used. */
static void
give_up(struct sk_yaml_builder *b, const char *sentence)
{
	complain(b, b->line, b->column, "%s", sentence);
	b->stop = true;
}

/* ---- tokens ---- */

/* The token's text in the arena; what a C string or a terminal cannot hold is a problem. */
static const char *
token_text(struct sk_yaml_builder *b, struct fy_token *token)
{
	size_t n = 0;
	const char *p = token != NULL ? fy_token_get_text(token, &n) : NULL;

	if (p == NULL || n == 0)
		return "";
	if (memchr(p, '\0', n) != NULL)
		complain(b, b->line, b->column, "a string cannot contain a NUL character");
	else if (sk_utf8_bad(p, n) < n)
		complain(b, b->line, b->column, "a string contains an escape that is no character");
	else
		return sk_arena_strndup(b->arena, p, n);
	return "";
}

/* A single-quoted text that ends in its line, unescaped here: the library leaks memory when it has
 * many '' in a row. NULL: it goes on in the next line. */
static const char *
single_quoted(struct sk_yaml_builder *b, const struct fy_mark *mark)
{
	const char *p = b->text + mark->input_pos, *end = p;
	char *text, *out;

	while (end < b->end && *end != '\n' && *end != '\r' &&
		(*end != '\'' || (end + 1 < b->end && end[1] == '\'')))
		end += *end == '\'' ? 2 : 1;
	if (end == b->end || *end != '\'')
		return NULL;
	text = sk_arena_alloc(b->arena, (size_t)(end - p) + 1);
	for (out = text; p < end; p++) {
		*out++ = *p;
		p += *p == '\'';
	}
	return text;
}

static const char *
scalar_text(struct sk_yaml_builder *b, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);
	const char *text = NULL;

	if (mark != NULL && fy_event_get_node_style(e) == FYNS_SINGLE_QUOTED)
		text = single_quoted(b, mark);
	return text != NULL ? text : token_text(b, fy_event_get_token(e));
}

static bool
opened_before(const char *text, struct fy_event *e, const struct fy_mark *mark)
{
	enum fy_node_style style = e->type == FYET_SCALAR ? fy_event_get_node_style(e) : FYNS_ANY;
	char c = mark->input_pos > 0 ? text[mark->input_pos - 1] : '\0';

	return (e->type == FYET_ALIAS && c == '*') || (style == FYNS_SINGLE_QUOTED && c == '\'') ||
		(style == FYNS_DOUBLE_QUOTED && c == '"');
}

static void
take_place(struct sk_yaml_builder *b, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);

	b->placed = mark != NULL && e->type != FYET_DOCUMENT_START && e->type != FYET_DOCUMENT_END;
	if (mark == NULL)
		return;
	b->line = mark->line + 1;
	/* The library's mark stands behind the opening quote and behind the '*'. */
	b->column = mark->column + (mark->column > 0 && opened_before(b->text, e, mark) ? 0 : 1);
}

/* Where the node at hand is, for messages. A value that is missing, a block scalar and a block
 * collection are said to be where their key is. */
static void
place_node(struct sk_yaml_builder *b, struct sk_value *v, bool block)
{
	const struct sk_yaml_frame *f = top(b);
	bool keyed = f != NULL && f->v->kind == SK_MAP && f->key != NULL;

	v->line = b->line;
	v->column = b->column;
	if (keyed && (!b->placed || block)) {
		v->line = f->line;
		v->column = f->column;
	} else if (!b->placed && f != NULL && f->v->kind == SK_LIST) {
		v->line = f->v->line;
		v->column = f->v->column;
	}
}

static enum sk_yaml_tag
scalar_tag(struct sk_yaml_builder *b, const char *tag)
{
	static const struct {
		const char *name;
		enum sk_yaml_tag tag;
	} known[] = {
		{ "!", SK_YAML_TAG_STR },
		{ "tag:yaml.org,2002:str", SK_YAML_TAG_STR },
		{ "tag:yaml.org,2002:null", SK_YAML_TAG_NULL },
		{ "tag:yaml.org,2002:bool", SK_YAML_TAG_BOOL },
		{ "tag:yaml.org,2002:int", SK_YAML_TAG_INT },
		{ "tag:yaml.org,2002:float", SK_YAML_TAG_FLOAT },
	};

	if (tag[0] == '\0')
		return SK_YAML_NO_TAG;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(tag, known[i].name) == 0)
			return known[i].tag;
	complain(b, b->line, b->column, "the tag %s is not supported here", sk_quote(b->arena, tag));
	return SK_YAML_TAG_STR;
}

static void
check_container_tag(struct sk_yaml_builder *b, const char *tag, const char *own)
{
	if (tag[0] != '\0' && strcmp(tag, "!") != 0 && strcmp(tag, own) != 0)
		complain(
			b, b->line, b->column, "the tag %s is not supported here", sk_quote(b->arena, tag));
}

/* ---- anchors and aliases ---- */

static struct sk_yaml_anchor *
new_anchor(struct sk_yaml_builder *b, struct fy_token *token)
{
	struct sk_yaml_anchor *anchor;

	if (token == NULL)
		return NULL;
	if (b->n_anchors == SK_YAML_MAX_ANCHORS) {
		give_up(b, "more than 64 anchors");
		return NULL;
	}
	anchor = &b->anchors[b->n_anchors++];
	*anchor = (struct sk_yaml_anchor){ .name = token_text(b, token) };
	return anchor;
}

/* The latest of that name, as YAML has it. */
static const struct sk_yaml_anchor *
find_anchor(const struct sk_yaml_builder *b, const char *name)
{
	for (size_t i = b->n_anchors; i > 0; i--)
		if (strcmp(b->anchors[i - 1].name, name) == 0)
			return &b->anchors[i - 1];
	return NULL;
}

static void add_node(struct sk_yaml_builder *b, struct sk_value *v, size_t height);

static void
add_nothing(struct sk_yaml_builder *b)
{
	struct sk_value *v = sk_value_new(b->arena, SK_NULL);

	place_node(b, v, false);
	add_node(b, v, 0);
}

static bool
alias_fits(struct sk_yaml_builder *b, const struct sk_yaml_anchor *anchor)
{
	if (b->depth + anchor->height > SK_MAX_DEPTH) {
		give_up(b, "nested deeper than 64 levels by an alias");
		return false;
	}
	b->expanded += anchor->nodes;
	b->nodes += anchor->nodes;
	if (b->expanded <= SK_YAML_MAX_EXPANDED)
		return true;
	give_up(b, "the aliases up to here stand for more than 1024 values");
	return false;
}

static bool
key_comes(const struct sk_yaml_builder *b)
{
	const struct sk_yaml_frame *f = b->depth > 0 ? &b->frames[b->depth - 1] : NULL;

	return f != NULL && f->v->kind == SK_MAP && f->key == NULL && !f->drop;
}

static void
on_alias(struct sk_yaml_builder *b, struct fy_event *e)
{
	const char *name = token_text(b, fy_event_get_token(e));
	const struct sk_yaml_anchor *anchor = find_anchor(b, name);

	if (key_comes(b)) {
		complain(b, b->line, b->column, "an alias cannot be a key");
		top(b)->drop = true;
		return;
	}
	if (anchor != NULL && anchor->value != NULL) {
		if (alias_fits(b, anchor))
			add_node(b, anchor->value, anchor->height);
		return;
	}
	if (anchor != NULL)
		complain(b, b->line, b->column, "the alias *%s stands inside its own anchor", name);
	else
		complain(b, b->line, b->column, "there is no anchor &%s before this alias", name);
	add_nothing(b);
}

/* ---- nodes ---- */

/* Hand a complete node to what is open. */
static void
add_node(struct sk_yaml_builder *b, struct sk_value *v, size_t height)
{
	struct sk_yaml_frame *f = top(b);
	struct sk_pair *pair;

	if (f == NULL) {
		b->root = v;
		return;
	}
	if (f->height < height + 1)
		f->height = height + 1;
	if (f->v->kind == SK_LIST) {
		sk_list_add(b->arena, f->v, v);
		return;
	}
	if (!f->drop) {
		pair = sk_map_add(b->arena, f->v, f->key, v);
		pair->line = f->line;
		pair->column = f->column;
	}
	f->key = NULL;
	f->drop = false;
}

static void
on_key(struct sk_yaml_builder *b, struct fy_event *e)
{
	struct sk_yaml_frame *f = top(b);
	const char *key = scalar_text(b, e);
	struct sk_yaml_anchor *anchor = new_anchor(b, fy_event_get_anchor_token(e));
	const char *tag = token_text(b, fy_event_get_tag_token(e));

	f->line = b->line;
	f->column = b->column;
	if (tag[0] != '\0')
		scalar_tag(b, tag);
	if (anchor != NULL) {
		anchor->value = sk_value_string(b->arena, key, strlen(key));
		anchor->value->line = b->line;
		anchor->value->column = b->column;
		anchor->nodes = 1;
	}
	if (strcmp(key, "<<") == 0 && fy_event_get_node_style(e) == FYNS_PLAIN) {
		complain(b, b->line, b->column, "merge keys (<<) are not supported; write the keys out");
		f->drop = true;
		return;
	}
	f->key = key;
}

static struct sk_value *
scalar_value(struct sk_yaml_builder *b, struct fy_event *e)
{
	const char *text = scalar_text(b, e);
	const char *tag = token_text(b, fy_event_get_tag_token(e));
	enum fy_node_style style = fy_event_get_node_style(e);
	enum sk_yaml_tag kind = scalar_tag(b, tag);
	bool plain = style == FYNS_PLAIN || style == FYNS_ANY;
	struct sk_value *v;

	if (!plain && kind == SK_YAML_NO_TAG)
		kind = SK_YAML_TAG_STR;
	v = sk_yaml_scalar(b->arena, text, kind);
	if (v == NULL) {
		complain(b, b->line, b->column, "%s does not fit its tag !!%s", sk_quote(b->arena, text),
			strrchr(tag, ':') + 1);
		v = sk_value_new(b->arena, SK_NULL);
	}
	if (plain)
		v->raw = v->kind == SK_STRING ? v->u.str.s : text;
	place_node(b, v, style == FYNS_LITERAL || style == FYNS_FOLDED);
	return v;
}

static void
on_scalar(struct sk_yaml_builder *b, struct fy_event *e)
{
	struct sk_yaml_anchor *anchor;
	struct sk_value *v;

	if (key_comes(b)) {
		on_key(b, e);
		return;
	}
	anchor = new_anchor(b, fy_event_get_anchor_token(e));
	v = scalar_value(b, e);
	if (anchor != NULL) {
		anchor->value = v;
		anchor->nodes = 1;
	}
	add_node(b, v, 0);
}

static void
on_start(struct sk_yaml_builder *b, struct fy_event *e, enum sk_kind kind)
{
	struct sk_yaml_anchor *anchor = new_anchor(b, fy_event_get_anchor_token(e));
	struct sk_value *v = sk_value_new(b->arena, kind);
	const struct fy_mark *mark = fy_event_start_mark(e);
	char first = mark != NULL ? b->text[mark->input_pos] : '\0';

	check_container_tag(b, token_text(b, fy_event_get_tag_token(e)),
		kind == SK_MAP ? "tag:yaml.org,2002:map" : "tag:yaml.org,2002:seq");
	if (b->depth == SK_MAX_DEPTH) {
		give_up(b, "nested deeper than 64 levels");
		return;
	}
	if (key_comes(b))
		complain(b, b->line, b->column, "a list or map cannot be a key");
	place_node(b, v, first != '[' && first != '{');
	b->frames[b->depth] = (struct sk_yaml_frame){
		.v = v, .is_key = key_comes(b), .anchor = anchor, .nodes_before = b->nodes - 1
	};
	b->depth++;
}

/* Report the keys that stand twice; the first of them stays. */
static void
drop_duplicates(struct sk_yaml_builder *b, struct sk_value *map)
{
	const struct sk_pair **sorted = sk_map_sorted(b->arena, map);
	struct sk_yaml_frame *f = top(b);
	size_t first = 0, kept = 0;

	for (size_t i = 1; i < map->u.map.n; i++) {
		if (strcmp(sorted[first]->key, sorted[i]->key) != 0) {
			first = i;
			continue;
		}
		f->key = sorted[i]->key;
		complain(b, sorted[i]->line, sorted[i]->column, "duplicate key, first given in line %d",
			sorted[first]->line);
		map->u.map.pairs[sorted[i] - map->u.map.pairs].value = NULL;
	}
	for (size_t i = 0; i < map->u.map.n; i++)
		if (map->u.map.pairs[i].value != NULL)
			map->u.map.pairs[kept++] = map->u.map.pairs[i];
	map->u.map.n = kept;
}

static void
on_end(struct sk_yaml_builder *b)
{
	struct sk_yaml_frame *f = top(b);
	struct sk_value *v = f->v;
	size_t height = f->height > 0 ? f->height : 1;

	if (v->kind == SK_MAP)
		drop_duplicates(b, v);
	if (f->anchor != NULL) {
		f->anchor->value = v;
		f->anchor->nodes = b->nodes - f->nodes_before;
		f->anchor->height = height;
	}
	b->depth--;
	if (f->is_key)
		top(b)->drop = true;
	else
		add_node(b, v, height);
}

/* ---- events ---- */

static void
count_node(struct sk_yaml_builder *b, enum fy_event_type type)
{
	if (type != FYET_SCALAR && type != FYET_MAPPING_START && type != FYET_SEQUENCE_START)
		return;
	if (++b->nodes > SK_YAML_MAX_VALUES)
		give_up(b, "more than 262144 values");
}

static void
on_document(struct sk_yaml_builder *b)
{
	if (++b->documents == 1)
		return;
	complain(b, b->line, b->column, "a second document starts here; only one is allowed in a file");
	b->skip = true;
}

void
sk_yaml_build(struct sk_yaml_builder *b, struct fy_event *e)
{
	take_place(b, e);
	count_node(b, e->type);
	if (b->stop)
		return;
	switch (e->type) {
	case FYET_DOCUMENT_START:
		on_document(b);
		break;
	case FYET_MAPPING_START:
		on_start(b, e, SK_MAP);
		break;
	case FYET_SEQUENCE_START:
		on_start(b, e, SK_LIST);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		on_end(b);
		break;
	case FYET_SCALAR:
		on_scalar(b, e);
		break;
	case FYET_ALIAS:
		on_alias(b, e);
		break;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
}
