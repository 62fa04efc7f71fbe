/* SPDX-License-Identifier: Apache-2.0 */
/* metric.c - the text of a metric. An id may hold slashes, an attribute may not. */
#include "sumo/measure/metric.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS  "0123456789"
#define SPACE   " \t"

static const char *const sources[] = {
    [METRIC_TRIPINFO] = "tripinfo",
    [METRIC_SUMMARY] = "summary",
    [METRIC_E1] = "e1",
    [METRIC_E2] = "e2",
};

static const struct {
    const char *name;
    double quantile; /* 0: none */
} aggregates[METRIC_N_AGGREGATES] = {
    [METRIC_MEAN] = {"mean", 0},  [METRIC_SUM] = {"sum", 0},     [METRIC_MIN] = {"min", 0},
    [METRIC_MAX] = {"max", 0},    [METRIC_COUNT] = {"count", 0}, [METRIC_STD] = {"std", 0},
    [METRIC_P50] = {"p50", 0.5},  [METRIC_P90] = {"p90", 0.9},   [METRIC_P95] = {"p95", 0.95},
    [METRIC_P99] = {"p99", 0.99},
};

const char *metric_source_text(enum metric_source source)
{
    return sources[source];
}

bool metric_is_quantile(enum metric_aggregate aggregate, double *out_q)
{
    *out_q = aggregates[aggregate].quantile;
    return *out_q > 0.0;
}

bool metric_is_name(const char *name)
{
    return strlen(name) <= METRIC_NAME_BYTES && strspn(name, LETTERS) > 0 &&
           name[strspn(name, LETTERS DIGITS)] == '\0';
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static bool find_source(const char *text, size_t len, enum metric_source *out)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        if (is_word(text, len, sources[i])) {
            *out = (enum metric_source)i;
            return true;
        }
    return false;
}

static bool find_aggregate(const char *text, size_t len, enum metric_aggregate *out)
{
    for (size_t i = 0; i < METRIC_N_AGGREGATES; i++)
        if (is_word(text, len, aggregates[i].name)) {
            *out = (enum metric_aggregate)i;
            return true;
        }
    return false;
}

static bool copy(char *out, size_t size, const char *text, size_t len)
{
    if (len >= size)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* SOURCE/ATTRIBUTE or SOURCE/ID/ATTRIBUTE. */
static enum platoon_status parse_place(const char *text, size_t len, const char *where,
                                       struct metric *out, struct platoon_err *err)
{
    const char *slash = memchr(text, '/', len), *attribute;
    size_t source_len = slash ? (size_t)(slash - text) : len, attribute_len;

    if (!find_source(text, source_len, &out->source))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: \"%.*s\" is no source; there are tripinfo, summary, e1 and e2",
                            where, source_len > 60 ? 60 : (int)source_len, text);
    attribute = text + len;
    while (attribute > text + source_len && attribute[-1] != '/')
        attribute--;
    attribute_len = (size_t)(text + len - attribute);
    if (attribute_len == 0 || strspn(attribute, LETTERS DIGITS ".-") < attribute_len ||
        !copy(out->attribute, sizeof out->attribute, attribute, attribute_len))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: behind \"%s/\" the name of an attribute of that output is "
                            "missing, such as %s",
                            where, sources[out->source],
                            out->source == METRIC_TRIPINFO  ? "tripinfo/timeLoss"
                            : out->source == METRIC_SUMMARY ? "summary/halting"
                                                            : "e1/ID/occupancy");
    out->detector[0] = '\0';
    if (!slash || attribute == slash + 1)
        return PLATOON_OK;
    if (out->source != METRIC_E1 && out->source != METRIC_E2)
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: only e1 and e2 have an id before the attribute, %s has none",
                            where, sources[out->source]);
    if (attribute == slash + 2 || !copy(out->detector, sizeof out->detector, slash + 1,
                                        (size_t)(attribute - 1 - (slash + 1))))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: the id of a detector has 1 to %d bytes; leave it out for all of "
                            "them (%s/ATTRIBUTE)",
                            where, METRIC_DETECTOR_BYTES, sources[out->source]);
    return PLATOON_OK;
}

enum platoon_status metric_parse(const char *text, const char *where, struct metric *out,
                                 struct platoon_err *err)
{
    const char *place = text + strspn(text, SPACE), *word;
    size_t place_len = strcspn(place, SPACE), word_len;
    struct metric m = *out;
    enum platoon_status st;

    word = place + place_len + strspn(place + place_len, SPACE);
    word_len = strcspn(word, SPACE);
    if (place_len == 0 || word_len == 0 || word[word_len + strspn(word + word_len, SPACE)])
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s is \"%.80s\"; it must be SOURCE/ATTRIBUTE AGGREGATE, such as "
                            "\"tripinfo/timeLoss mean\"",
                            where, text);
    if (!find_aggregate(word, word_len, &m.aggregate))
        return platoon_fail(err, PLATOON_EINVAL,
                            "%s: \"%.*s\" is no aggregate; there are mean, sum, min, max, count, "
                            "std, p50, p90, p95 and p99",
                            where, word_len > 60 ? 60 : (int)word_len, word);
    if ((st = parse_place(place, place_len, where, &m, err)) == PLATOON_OK)
        *out = m;
    return st;
}
