#include "cmd/table.h"
#include "cmd/cmd.h"
#include "core/base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool
is_start(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t
columns(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += is_start(*text) ? 1 : 0;
	return n;
}

static char *
clean_copy(const char *text)
{
	char *copy = sk_xstrdup(*text != '\0' ? text : "-");
	bool ascii_only = sk_utf8_bad(copy, strlen(copy)) != strlen(copy);

	for (char *p = copy; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f || (ascii_only && c >= 0x80))
			*p = '?';
		else if (c == 0xc2 && (unsigned char)p[1] < 0xa0) { /* C1 control */
			p[0] = '?';
			p[1] = '?';
		}
	}
	return copy;
}

void
sk_grid_init(struct sk_grid *t, const char *const *head)
{
	*t = (struct sk_grid){ 0 };
	while (head[t->n_columns] != NULL && t->n_columns < SK_GRID_COLUMNS)
		t->n_columns++;
	for (size_t i = 0; i < t->n_columns; i++)
		sk_grid_cell(t, head[i]);
}

void
sk_grid_release(struct sk_grid *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct sk_grid){ 0 };
}

void
sk_grid_cell(struct sk_grid *t, const char *text)
{
	size_t column = t->n_cells % t->n_columns, n;

	if (column == 0)
		t->cells = sk_xreallocarray(t->cells, t->n_cells + t->n_columns, sizeof(*t->cells));
	t->cells[t->n_cells] = clean_copy(text);
	n = columns(t->cells[t->n_cells++]);
	if (n > t->width[column])
		t->width[column] = n;
}

/* Append the text, at most max columns of it (0 = all); returns how many it took. */
static size_t
add_cut(struct sk_str *out, const char *text, size_t max)
{
	size_t n = columns(text), len = 0, taken = 0;

	if (max == 0 || n <= max) {
		sk_str_adds(out, text);
		return n;
	}
	for (; text[len] != '\0'; len++)
		if (is_start(text[len]) && ++taken > max - 1)
			break;
	sk_str_add(out, text, len);
	sk_str_addc(out, '~');
	return max;
}

static size_t
row_width(const struct sk_grid *t, size_t last)
{
	size_t sum = t->width[t->n_columns - 1] < last ? t->width[t->n_columns - 1] : last;

	for (size_t c = 0; c + 1 < t->n_columns; c++)
		if (!t->hidden[c])
			sum += t->width[c] + 2;
	return sum;
}

void
sk_grid_fit(struct sk_grid *t, size_t width, size_t last, const int *order)
{
	for (; width > 0 && *order >= 0 && row_width(t, last) > width; order++)
		t->hidden[*order] = true;
}

void
sk_grid_text(const struct sk_grid *t, size_t width, struct sk_str *out)
{
	for (size_t i = 0; i < t->n_cells; i += t->n_columns) {
		size_t used = 0;

		for (size_t c = 0; c < t->n_columns && i + c < t->n_cells; c++) {
			bool last = c + 1 == t->n_columns;
			size_t room = last && width > used + 8 ? width - used : 0, n;

			if (t->hidden[c])
				continue;
			n = add_cut(out, t->cells[i + c], room);
			for (; !last && n < t->width[c] + 2; n++)
				sk_str_addc(out, ' ');
			used += n;
		}
		sk_str_addc(out, '\n');
	}
}

size_t
sk_terminal_width(void)
{
	struct winsize ws;

	if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == -1)
		return 0;
	return ws.ws_col;
}

void
sk_grid_print(struct sk_grid *t, size_t last, const int *order)
{
	const size_t width = sk_terminal_width();
	struct sk_str out = SK_STR_INIT;

	sk_grid_fit(t, width, last, order);
	sk_grid_text(t, width, &out);
	sk_grid_release(t);
	sk_out(&out);
	sk_str_release(&out);
}
