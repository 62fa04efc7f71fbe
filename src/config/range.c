/* SPDX-License-Identifier: Apache-2.0 */
/* range.c - ranges are counted in units of their smallest decimal place, in whole numbers, so that
 * 0.1..0.5 step 0.1 has five values and the third is 0.3. */
#include "config/range.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml.h"

enum { MAX_NUMBER = 32, MAX_DECIMALS = 15 };

/* A decimal number as a whole number of 10^-decimals. */
struct decimal {
    int64_t units;
    int decimals;
};

/* Reads [-+]digits[.digits] up to `end`; false if that is not all there is, or too many digits. */
static bool read_decimal(const char *text, const char *end, struct decimal *out)
{
    char digits[MAX_NUMBER];
    size_t n = 0, n_digits = 0;
    int decimals = 0;
    bool is_fraction = false;

    if (text < end && (*text == '-' || *text == '+'))
        digits[n++] = *text++;
    for (; text < end; text++) {
        if (*text == '.' && !is_fraction) {
            is_fraction = true;
            continue;
        }
        if (*text < '0' || *text > '9' || n_digits++ >= 18)
            return false;
        digits[n++] = *text;
        decimals += is_fraction;
    }
    digits[n] = '\0';
    if (n_digits == 0 || decimals > MAX_DECIMALS)
        return false;
    out->units = strtoll(digits, NULL, 10);
    out->decimals = decimals;
    return true;
}

/* To a finer unit; false if it would overflow. */
static bool refine(struct decimal *d, int decimals)
{
    while (d->decimals < decimals) {
        if (__builtin_mul_overflow(d->units, (int64_t)10, &d->units))
            return false;
        d->decimals++;
    }
    return true;
}

/* The double nearest to the decimal, by way of its text: a division by a power of ten would round
 * twice. */
static platoon_value *decimal_value(struct decimal d)
{
    char text[2 * MAX_NUMBER];

    if (d.decimals == 0)
        return platoon_int(d.units);
    (void)snprintf(text, sizeof text, "%llde-%d", (long long)d.units, d.decimals);
    return platoon_float(strtod(text, NULL));
}

static const char *skip_blanks(const char *t)
{
    return t + strspn(t, " \t");
}

static const char *end_of_number(const char *t)
{
    const char *dots = strstr(t, "..");
    const char *blank = t + strcspn(t, " \t");

    return dots && dots < blank ? dots : blank;
}

struct range {
    struct decimal from, to, step;
    bool has_step;
};

enum reading { NO_RANGE, A_RANGE, A_BAD_RANGE };

/* FROM..TO [step STEP] */
static enum reading read_range(const char *text, struct range *r)
{
    const char *from = skip_blanks(text), *end = end_of_number(from), *to, *rest;

    if (strncmp(end, "..", 2) != 0 || !read_decimal(from, end, &r->from))
        return NO_RANGE;
    to = end + 2;
    end = end_of_number(to);
    if (!read_decimal(to, end, &r->to))
        return A_BAD_RANGE;
    rest = skip_blanks(end);
    r->has_step = *rest != '\0';
    if (!r->has_step) {
        r->step = (struct decimal){1, 0};
        return A_RANGE;
    }
    if (strncmp(rest, "step", 4) != 0 || (rest[4] != ' ' && rest[4] != '\t'))
        return A_BAD_RANGE;
    rest = skip_blanks(rest + 4);
    end = rest + strcspn(rest, " \t");
    return read_decimal(rest, end, &r->step) && *skip_blanks(end) == '\0' ? A_RANGE : A_BAD_RANGE;
}

static enum platoon_status append_range(const char *text, struct range *r, platoon_value *list,
                                        struct platoon_err *err)
{
    int decimals = r->from.decimals;
    int64_t count;

    decimals = r->to.decimals > decimals ? r->to.decimals : decimals;
    decimals = r->step.decimals > decimals ? r->step.decimals : decimals;
    if (!r->has_step && decimals > 0)
        return platoon_fail(err, PLATOON_EINVAL,
                            "the range \"%s\" needs a step: write \"%s step 0.1\", for example",
                            text, text);
    if (!refine(&r->from, decimals) || !refine(&r->to, decimals) || !refine(&r->step, decimals))
        return platoon_fail(err, PLATOON_EINVAL, "the range \"%s\" has too many digits", text);
    if (r->step.units == 0)
        return platoon_fail(err, PLATOON_EINVAL, "the range \"%s\" has a step of 0", text);
    if (r->from.units != r->to.units && (r->from.units < r->to.units) != (r->step.units > 0))
        return platoon_fail(err, PLATOON_EINVAL,
                            "the step of the range \"%s\" leads away from its end%s", text,
                            r->has_step ? "" : ": to count down, write \"step -1\"");
    count = (r->to.units - r->from.units) / r->step.units + 1;
    if (count > RANGE_MAX_VALUES)
        return platoon_fail(err, PLATOON_ELIMIT, "the range \"%s\" has %lld values, more than %d",
                            text, (long long)count, RANGE_MAX_VALUES);
    for (int64_t i = 0; i < count; i++) {
        struct decimal d = {r->from.units + i * r->step.units, decimals};

        if (platoon_append(list, decimal_value(d)) != PLATOON_OK)
            return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    }
    return PLATOON_OK;
}

enum platoon_status range_append(const char *text, platoon_value *list, struct platoon_err *err)
{
    struct range r;

    switch (read_range(text, &r)) {
    case A_RANGE:
        return append_range(text, &r, list, err);
    case A_BAD_RANGE:
        return platoon_fail(err, PLATOON_EINVAL,
                            "\"%s\" is no range: write FROM..TO or FROM..TO step STEP", text);
    case NO_RANGE:
        break;
    }
    if (platoon_append(list, yaml_scalar_value(text)) != PLATOON_OK)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    return PLATOON_OK;
}

enum platoon_status range_append_words(const char *text, platoon_value *list,
                                       struct platoon_err *err)
{
    char *words = strdup(text), *rest = words, *word;
    enum platoon_status st = PLATOON_OK;

    if (!words)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    while (st == PLATOON_OK && (word = strsep(&rest, ","))) {
        char *last;

        word += strspn(word, " \t");
        last = word + strlen(word);
        while (last > word && (last[-1] == ' ' || last[-1] == '\t'))
            *--last = '\0';
        if (!*word)
            st = platoon_fail(err, PLATOON_EINVAL, "\"%s\" has an empty item", text);
        else
            st = range_append(word, list, err);
    }
    free(words);
    return st;
}
