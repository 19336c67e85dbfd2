/* api_docs.h - what GET /api/openapi.json tells of each route, beside what its row of sk_routes
 * says: tables, and the words for types in them. Nobody but the files api_docs*.c and their test
 * includes it.
 *
 * A type is a word: string, integer, number, boolean, ms (milliseconds since 1970), any, map; a
 * name with a capital is one of the schemas below; a/b/c is one of these words. [T] is a list of T,
 * {T} a map whose values are T, T? is T or null, T|U either. A media type in the place of a type
 * ("text/plain") is an answer that is no JSON. */
#ifndef SK_CORE_CONTROL_API_DOCS_H
#define SK_CORE_CONTROL_API_DOCS_H

#include "core/control/api_priv.h"

struct sk_doc {
	const char *method, *pattern; /* as in sk_routes */
	const char *summary; /* one sentence */
	/* Types with commas in between: "Task|[Task], application/x-ndjson"; NULL = no body. */
	const char *body;
	/* Each status that is no error, and its types: "201 Added|AddedLines, 200 DryRun". */
	const char *answer;
	/* Errors that do not follow from the route itself (sk_doc_errors): "409"; NULL = none. */
	const char *errors;
	/* Headers that requests may have, of sk_doc_headers; NULL = none. */
	const char *takes;
	/* Headers of the good answer, with their types: "Skalds-Next:integer"; a name that ends with ?
	 * is not always there; NULL = none. */
	const char *gives;
	const char *example; /* a body, JSON; NULL = none */
};
/* Ends with method NULL. */
extern const struct sk_doc sk_docs_ours[], sk_docs_original[];

/* A member of an answer; a name that ends with ? is not always there. */
struct sk_doc_member {
	const char *name, *type, *text;
};

struct sk_doc_schema {
	const char *name, *text;
	/* One of these four: members (ends with name NULL), the table that decodes it, a type, or
	 * words. */
	const struct sk_doc_member *members;
	const struct sk_field *fields;
	const char *type;
	const char *const *words;
	bool closed; /* members that are not named here are refused */
};
/* End with name NULL. */
extern const struct sk_doc_schema sk_schemas_ours[], sk_schemas_original[];

/* The row of a route; NULL when there is none. */
const struct sk_doc *sk_doc_of(const struct sk_route *r);

/* A type as JSON Schema. */
void sk_doc_type(struct sk_str *out, const char *type);
/* All schemas: the members of components.schemas. workers: the classes there are, NULL-terminated,
 * or NULL. */
void sk_doc_schemas(struct sk_str *out, const struct sk_worker *const *workers, struct sk_arena *a);
/* The parameters and the headers of a route, as one list. */
void sk_doc_parameters(struct sk_str *out, const struct sk_route *r, const struct sk_doc *doc);

/* The whole document. version may be NULL. */
void sk_doc_write(struct sk_str *out, const char *version, const struct sk_worker *const *workers,
	struct sk_arena *a);

#endif
