/* table.h - aligned columns for people. A cell never breaks its line and never steers a terminal:
 * control characters become "?". On a terminal the last column is cut to the width; the others,
 * ids among them, never are. */
#ifndef SK_CMD_TABLE_H
#define SK_CMD_TABLE_H

#include "core/base/str.h"

#define SK_GRID_COLUMNS 16

struct sk_grid {
	size_t n_columns, n_cells;
	size_t width[SK_GRID_COLUMNS];
	bool hidden[SK_GRID_COLUMNS];
	char **cells; /* row after row, the head first */
};

/* The head: names up to NULL, at most SK_GRID_COLUMNS. */
void sk_grid_init(struct sk_grid *t, const char *const *head);
void sk_grid_release(struct sk_grid *t);
/* The next cell, copied; "" is shown as "-". */
void sk_grid_cell(struct sk_grid *t, const char *text);
/* Hide columns in the order given (indices, -1 at the end) until a row fits the width with `last`
 * columns left for the last cell, or none is left to hide. width 0 = no limit. */
void sk_grid_fit(struct sk_grid *t, size_t width, size_t last, const int *order);
/* All rows; width 0 = no limit. */
void sk_grid_text(const struct sk_grid *t, size_t width, struct sk_str *out);
/* All rows that fit the terminal to standard output, as sk_grid_fit has it; releases the table. */
void sk_grid_print(struct sk_grid *t, size_t last, const int *order);
/* The columns of the terminal that standard output is, 0 when it is none. */
size_t sk_terminal_width(void);

#endif
