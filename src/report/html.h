/* SPDX-License-Identifier: Apache-2.0 */
/* html.h - text from outside as the text of HTML and SVG: whatever it holds, a browser shows it and
 * does nothing else with it.
 *
 * The rule of this folder: markup is written by buf_text() and buf_printf() with numbers and words
 * of our own only; every name, message and path goes through here. Good for text between tags and
 * for attributes in quotes. Failures stick to the buffer. */
#ifndef PLATOON_REPORT_HTML_H
#define PLATOON_REPORT_HTML_H

#include <stddef.h>

#include "base/buf.h"

/* Escaped; what is no character, control characters (but line feed and tab) and those that turn the
 * direction of writing stand as U+FFFD. NULL is the empty text. */
void html_text(struct buf *out, const char *text);
/* The same of `format`, after formatting. */
void html_textf(struct buf *out, const char *format, ...) PLATOON_PRINTF(2, 3);
/* At most `max_columns` wide (Chinese characters are two), with an "…" where more would follow. */
void html_text_cut(struct buf *out, const char *text, size_t max_columns);

#endif
