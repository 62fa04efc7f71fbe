/* SPDX-License-Identifier: Apache-2.0 */
/* queue_spec.c - see queue_spec.h. */
#include "server/queue_spec.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           (unsigned char)c >= 0x80;
}

static enum platoon_status parse_name(const char *text, const char **at, struct queue_spec_end *out,
                                      struct platoon_err *err)
{
    const char *start = *at;
    size_t len = 0;

    while (is_name_byte(start[len]))
        len++;
    if (len == 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "queue specification '%s': a name is missing at '%s'; write "
                            "TASK[:MAXSIZE][=RESULT[:MAXSIZE]]",
                            text, start);
    if (is_digit(start[0]))
        return platoon_fail(
            err, PLATOON_EINVAL,
            "queue specification '%s': a name cannot begin with a digit (Python could not "
            "call it)",
            text);
    if (len > QUEUE_SPEC_MAX_NAME)
        return platoon_fail(err, PLATOON_EINVAL,
                            "queue specification '%.40s...': a name is longer than %d bytes", text,
                            QUEUE_SPEC_MAX_NAME);
    memcpy(out->name, start, len);
    out->name[len] = '\0';
    *at = start + len;
    return PLATOON_OK;
}

/* ":N" or nothing. */
static enum platoon_status parse_maxsize(const char *text, const char **at,
                                         struct queue_spec_end *out, struct platoon_err *err)
{
    uint64_t n = 0;
    const char *p = *at;

    out->has_maxsize = *p == ':';
    out->maxsize = 0;
    if (!out->has_maxsize)
        return PLATOON_OK;
    p++;
    if (!is_digit(*p))
        return platoon_fail(
            err, PLATOON_EINVAL,
            "queue specification '%s': ':' must be followed by the most items the queue may "
            "hold, 0 for any number",
            text);
    for (; is_digit(*p); p++) {
        if (n > (uint64_t)INT64_MAX / 10 - 1)
            return platoon_fail(err, PLATOON_EINVAL,
                                "queue specification '%s': the maximum size is too large", text);
        n = n * 10 + (uint64_t)(*p - '0');
    }
    out->maxsize = n;
    *at = p;
    return PLATOON_OK;
}

enum platoon_status queue_spec_parse(const char *text, struct queue_spec *out,
                                     struct platoon_err *err)
{
    struct queue_spec spec;
    const char *at = text;
    enum platoon_status st;

    memset(&spec, 0, sizeof spec);
    if ((st = parse_name(text, &at, &spec.task, err)) != PLATOON_OK ||
        (st = parse_maxsize(text, &at, &spec.task, err)) != PLATOON_OK)
        return st;
    if (*at == '=') {
        at++;
        spec.has_result = true;
        if ((st = parse_name(text, &at, &spec.result, err)) != PLATOON_OK ||
            (st = parse_maxsize(text, &at, &spec.result, err)) != PLATOON_OK)
            return st;
        if (strcmp(spec.task.name, spec.result.name) == 0)
            return platoon_fail(err, PLATOON_EINVAL,
                                "queue specification '%s': a queue cannot be its own result queue",
                                text);
    }
    if (*at)
        return platoon_fail(
            err, PLATOON_EINVAL,
            "queue specification '%s': cannot read '%s'; write "
            "TASK[:MAXSIZE][=RESULT[:MAXSIZE]], names of letters, digits and underscores",
            text, at);
    *out = spec;
    return PLATOON_OK;
}
