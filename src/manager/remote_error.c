/* SPDX-License-Identifier: Apache-2.0 */
/* remote_error.c - see remote_error.h. */
#include "manager/remote_error.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char empty_class[] = "queue.Empty";
static const char full_class[] = "queue.Full";

/* --- exception objects
 * ---------------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(text, *names) == 0)
            return true;
    }
    return false;
}

/* The class as people know it. */
static void name_class(const char *module, const char *name, char *out, size_t cap)
{
    static const char *const builtin_modules[] = {"builtins", "exceptions", "__builtin__", NULL};
    /* Python 2.7, 3.6 and the C accelerator of 3.7 and newer. */
    static const char *const queue_modules[] = {"Queue", "queue", "_queue", NULL};

    if (is_one_of(module, builtin_modules))
        (void)snprintf(out, cap, "%s", name);
    else
        (void)snprintf(out, cap, "%s.%s", is_one_of(module, queue_modules) ? "queue" : module,
                       name);
}

/* str() of an exception that holds `args`; malloc()ed, NULL when out of memory. */
static char *text_of_args(const char *class_name, const platoon_value *args)
{
    size_t n = platoon_len(args);
    const platoon_value *first = platoon_item(args, 0);
    const char *text = platoon_as_str(first, NULL);
    char *shown, *out = NULL;
    int64_t number;

    if (n == 0)
        return strdup("");
    if (n == 1 && text && strcmp(class_name, "KeyError") != 0)
        return strdup(text);
    /* OSError and its kin: number, text and perhaps a file */
    if ((n == 2 || n == 3) && platoon_as_int(first, &number) == PLATOON_OK &&
        platoon_as_str(platoon_item(args, 1), NULL)) {
        shown = n == 3 ? platoon_repr(platoon_item(args, 2)) : NULL;
        if (n == 3 && !shown)
            return NULL;
        if (asprintf(&out, "[Errno %lld] %s%s%s", (long long)number,
                     platoon_as_str(platoon_item(args, 1), NULL), shown ? ": " : "",
                     shown ? shown : "") < 0)
            out = NULL;
        free(shown);
        return out;
    }
    return platoon_repr(n == 1 ? first : args);
}

static void set_type(struct platoon_err *err, const char *class_name)
{
    if (err)
        (void)snprintf(err->type, sizeof err->type, "%s", class_name); /* cut to fit */
}

static enum platoon_status raised(const char *class_name, const char *text, struct platoon_err *err)
{
    if (*text)
        platoon_fail(err, PLATOON_EREMOTE, "%s", text);
    else
        platoon_fail(err, PLATOON_EREMOTE, "the server raised %s and said no more", class_name);
    set_type(err, class_name);
    return PLATOON_EREMOTE;
}

/* The two exceptions that are part of a queue's ordinary life. */
static enum platoon_status of_queue(enum platoon_status st, const char *class_name,
                                    struct platoon_err *err)
{
    platoon_fail(err, st, "the %s", platoon_status_text(st));
    set_type(err, class_name);
    return st;
}

enum platoon_status remote_error_from_exception(const platoon_value *exception,
                                                struct platoon_err *err)
{
    const char *module = platoon_as_str(platoon_item(exception, 0), NULL);
    const char *name = platoon_as_str(platoon_item(exception, 1), NULL);
    const platoon_value *args = platoon_item(exception, 2);
    char class_name[192];
    char *text;
    enum platoon_status st;

    if (platoon_value_kind(exception) != PLATOON_OBJECT || !module || !name ||
        platoon_value_kind(args) != PLATOON_TUPLE)
        return platoon_fail(err, PLATOON_EPROTO,
                            "the server raised something that is no exception");
    name_class(module, name, class_name, sizeof class_name);
    if (strcmp(class_name, empty_class) == 0)
        return of_queue(PLATOON_EEMPTY, empty_class, err);
    if (strcmp(class_name, full_class) == 0)
        return of_queue(PLATOON_EFULL, full_class, err);
    text = text_of_args(class_name, args);
    if (!text)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for the text of a remote %s",
                            class_name);
    st = raised(class_name, text, err);
    free(text);
    return st;
}

/* --- tracebacks
 * ------------------------------------------------------------------------------------ */

/* Where the last exception of a traceback is told: its first line without indentation after the
 * last "Traceback" line; the whole text if it is no traceback. */
static const char *last_exception(const char *text)
{
    static const char head[] = "Traceback (most recent call last):\n";
    const char *found = NULL, *line;

    for (const char *at = text; (at = strstr(at, head)) != NULL; at += sizeof head - 1)
        found = at + sizeof head - 1;
    if (!found)
        return text;
    line = found;
    while (line && *line == ' ') {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return line && *line ? line : text; /* cut off among its frames: all of it */
}

/* Length of "package.Class" at the start of `line` where it is followed by ": " or ends the line,
 * else 0. */
static size_t class_bytes(const char *line)
{
    size_t n = 0;

    while (isalnum((unsigned char)line[n]) || line[n] == '_' || line[n] == '.')
        n++;
    if (n == 0 || isdigit((unsigned char)line[0]))
        return 0;
    return line[n] == '\0' || line[n] == '\n' || (line[n] == ':' && line[n + 1] == ' ') ? n : 0;
}

/* `text` without its final newlines; malloc()ed, NULL when out of memory. */
static char *trimmed(const char *text)
{
    char *copy = strdup(text);

    if (copy) {
        size_t n = strlen(copy);

        while (n > 0 && (copy[n - 1] == '\n' || copy[n - 1] == ' '))
            copy[--n] = '\0';
    }
    return copy;
}

enum platoon_status remote_error_from_traceback(const char *text, struct platoon_err *err)
{
    char *copy = trimmed(text);
    char class_name[192] = "RemoteError";
    const char *line;
    size_t n;
    enum platoon_status st;

    if (!copy)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory for a traceback of the server");
    line = last_exception(copy);
    n = class_bytes(line);
    if (n > 0) {
        (void)snprintf(class_name, sizeof class_name, "%.*s", (int)(n < 190 ? n : 190), line);
        line += n;
        line += strspn(line, ": \n");
    }
    st = raised(class_name, line, err);
    free(copy);
    return st;
}

enum platoon_status remote_error_unserializable(const char *text, struct platoon_err *err)
{
    struct platoon_err why;

    (void)remote_error_from_traceback(text, &why); /* for its two fields */
    platoon_fail(err, PLATOON_EREMOTE, "the server could not pickle its answer: %s%s%s", why.type,
                 why.type[0] ? ": " : "", why.message);
    set_type(err, "RemoteError");
    return PLATOON_EREMOTE;
}
