/* yaml_priv.h - what the files of yaml.h share; nobody else includes it. */
#ifndef SK_ADAPTERS_YAML_PRIV_H
#define SK_ADAPTERS_YAML_PRIV_H

#include "adapters/yaml.h"

/* May the library see this text at all? false: one problem was reported. */
bool sk_yaml_guard(const char *text, size_t n, struct sk_problems *p);

/* The bracket or quote that is still open at the end of the text; false when there is none. */
struct sk_yaml_open {
	int line, column;
	char mark;
};
bool sk_yaml_unclosed(const char *text, size_t n, struct sk_yaml_open *open);
/* The bracket that is open where this line begins although the line is not indented deeper than
 * the bracket's own: what is in brackets has to be. */
bool sk_yaml_open_before(const char *text, size_t n, int line, struct sk_yaml_open *open);

/* A collector for what the library complains about; NULL when there is no memory. */
struct fy_diag;
struct fy_diag *sk_yaml_diag(void);
/* Report the first of its complaints as a problem. */
void sk_yaml_diagnose(const char *text, size_t n, struct fy_diag *diag, struct sk_problems *p);

enum sk_yaml_tag {
	SK_YAML_NO_TAG,
	SK_YAML_TAG_STR,
	SK_YAML_TAG_NULL,
	SK_YAML_TAG_BOOL,
	SK_YAML_TAG_INT,
	SK_YAML_TAG_FLOAT
};

/* A plain scalar by the core schema. Tags other than STR must fit what the text is; NULL when
 * they do not. */
struct sk_value *sk_yaml_scalar(struct sk_arena *a, const char *text, enum sk_yaml_tag tag);

#endif
