/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - one pass a file; a second one only to say what is there instead of what was named. */
#include "sumo/measure/collect.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "sumo/measure/trips.h"
#include "sumo/xml_scan.h"

enum { MAX_WORDS = 40, WORD_BYTES = 64 };

/* One metric under way. */
struct tally {
    struct aggregate aggregate;
    double n_texts; /* values that are no numbers: only a count takes them */
    bool has_detector, has_attribute;
};

struct pass {
    const struct measure_settings *s;
    struct tally *tallies;
    struct trips *trips; /* NULL: not wanted */
    double ended_s;
    size_t room; /* for values that quantiles keep */
    enum platoon_status st;
    struct platoon_err *err;
};

static bool stop(struct pass *p, enum platoon_status st)
{
    p->st = st;
    return false;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool may_be_minus_one(const char *attribute)
{
    size_t len = strlen(attribute);

    return len > 6 && strcmp(attribute + len - 6, "PosLat") == 0;
}

/* What an element has for a metric; `counts`: it is in the window. */
static bool take(struct pass *p, size_t i, const char *const *attributes, bool counts)
{
    const struct metric *m = &p->s->metrics[i];
    struct tally *tally = &p->tallies[i];
    const char *text = xml_attribute(attributes, m->attribute);
    enum platoon_status st;
    double value, q;

    tally->has_detector = true;
    if (!text)
        return true;
    tally->has_attribute = true;
    if (!counts || !*text)
        return true;
    if (!trip_number(attributes, m->attribute, &value)) {
        tally->n_texts++;
        return true;
    }
    if (value == -1.0 && !may_be_minus_one(m->attribute))
        return true;
    st = aggregate_add(&tally->aggregate, value, metric_is_quantile(m->aggregate, &q), &p->room);
    if (st == PLATOON_OK)
        return true;
    if (st == PLATOON_ELIMIT)
        (void)platoon_fail(p->err, st,
                           "metrics.%s: a quantile keeps every value, and those of this run are "
                           "more than %d; narrow `measure`, or take mean, std or max",
                           m->name, AGGREGATE_MAX_VALUES);
    else
        (void)platoon_fail(p->err, st, "no memory for metrics.%s", m->name);
    return stop(p, st);
}

static bool on_trip(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct pass *p = arg;
    struct trip trip;
    bool is_in;

    if (depth != 1 || strcmp(name, "tripinfo") != 0)
        return true;
    if (!trip_read(attributes, p->ended_s, &trip))
        return stop(p, platoon_fail(p->err, PLATOON_EPROTO,
                                    "the tripinfo output has a vehicle without depart"));
    is_in = measure_has_time(p->s, trip.depart_s);
    if (is_in && p->trips && !trips_add(p->trips, &trip, attributes))
        return stop(p, platoon_fail(p->err, PLATOON_EPROTO,
                                    "the tripinfo output has a vehicle without departDelay, "
                                    "duration, timeLoss, routeLength or arrival"));
    for (size_t i = 0; i < p->s->n_metrics; i++) {
        const struct metric *m = &p->s->metrics[i];
        bool counts = is_in && (trip.has_departed || strcmp(m->attribute, "departDelay") == 0);

        if (m->source == METRIC_TRIPINFO && !take(p, i, attributes, counts))
            return false;
    }
    return true;
}

static bool on_step(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct pass *p = arg;
    double time_s;
    bool is_in;

    if (depth != 1 || strcmp(name, "step") != 0)
        return true;
    is_in = trip_number(attributes, "time", &time_s) && measure_has_time(p->s, time_s);
    for (size_t i = 0; i < p->s->n_metrics; i++)
        if (p->s->metrics[i].source == METRIC_SUMMARY && !take(p, i, attributes, is_in))
            return false;
    return true;
}

/* Detectors of several kinds may share a file; an interval tells its kind by what it has. */
static bool is_interval_of(enum metric_source source, const char *const *attributes)
{
    return xml_attribute(attributes,
                         source == METRIC_E1 ? "nVehContrib" : "maxJamLengthInVehicles") != NULL;
}

static bool is_of_detector(const struct metric *m, const char *const *attributes)
{
    const char *id = xml_attribute(attributes, "id");

    return id && (!*m->detector || strcmp(m->detector, id) == 0) &&
           is_interval_of(m->source, attributes);
}

static bool is_of_detectors(const struct metric *m)
{
    return m->source == METRIC_E1 || m->source == METRIC_E2;
}

/* Whether it goes on: other outputs, which may be long, are left at their root. */
static bool is_interval(const char *name, unsigned depth, bool *out_goes_on)
{
    *out_goes_on = depth > 0 || strcmp(name, "detector") == 0;
    return depth == 1 && strcmp(name, "interval") == 0;
}

static bool on_interval(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct pass *p = arg;
    double begin_s, end_s;
    bool is_in, goes_on;

    if (p->st != PLATOON_OK || !is_interval(name, depth, &goes_on))
        return p->st == PLATOON_OK && goes_on;
    is_in = trip_number(attributes, "begin", &begin_s) && trip_number(attributes, "end", &end_s) &&
            measure_has_interval(p->s, begin_s, end_s);
    for (size_t i = 0; i < p->s->n_metrics; i++) {
        const struct metric *m = &p->s->metrics[i];

        if (is_of_detectors(m) && is_of_detector(m, attributes) && !take(p, i, attributes, is_in))
            return false;
    }
    return true;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum platoon_status scan(const char *folder, const char *name, xml_element_fn on_element,
                                void *arg, struct platoon_err *err)
{
    enum platoon_status st;
    char *path;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for a path");
    st = xml_scan(path, on_element, arg, err);
    free(path);
    return st;
}

static int is_xml(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".xml") == 0;
}

/* Every file that may be a detector's, by name, so that figures are the same to the bit wherever
 * they are computed. */
static enum platoon_status scan_detectors(const char *folder, xml_element_fn on_element, void *arg,
                                          struct platoon_err *err)
{
    enum platoon_status st = PLATOON_OK;
    struct dirent **files;
    int n = scandir(folder, &files, is_xml, alphasort);

    if (n < 0)
        return platoon_fail(err, PLATOON_EIO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (st == PLATOON_OK)
            st = scan(folder, files[i]->d_name, on_element, arg, err);
        free(files[i]);
    }
    free(files);
    return st;
}

static bool wants(const struct measure_settings *s, bool (*is_it)(const struct metric *))
{
    for (size_t i = 0; i < s->n_metrics; i++)
        if (is_it(&s->metrics[i]))
            return true;
    return false;
}

static bool is_of_summary(const struct metric *m)
{
    return m->source == METRIC_SUMMARY;
}

static enum platoon_status read_all(struct pass *p, const struct measure_files *files)
{
    enum platoon_status st = PLATOON_OK;

    if (measure_needs_tripinfo(p->s))
        st = scan(files->folder, files->tripinfo, on_trip, p, p->err);
    if (st == PLATOON_OK && p->st == PLATOON_OK && wants(p->s, is_of_summary))
        st = scan(files->folder, files->summary, on_step, p, p->err);
    if (st == PLATOON_OK && p->st == PLATOON_OK && wants(p->s, is_of_detectors))
        st = scan_detectors(files->folder, on_interval, p, p->err);
    return st == PLATOON_OK ? p->st : st;
}

/* --- what is not there ------------------------------------------------------------------------ */

/* Distinct words of the outputs: the attributes of a metric's source, or the ids of detectors. */
struct words {
    const struct metric *metric;
    bool wants_ids;
    size_t n;
    char word[MAX_WORDS][WORD_BYTES];
};

static void note_word(struct words *w, const char *word)
{
    if (w->n == MAX_WORDS || strlen(word) >= WORD_BYTES)
        return;
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->word[i], word) == 0)
            return;
    strcpy(w->word[w->n++], word);
}

static bool note_words(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct words *w = arg;
    const struct metric *m = w->metric;
    bool goes_on;

    if (is_of_detectors(m)) {
        if (!is_interval(name, depth, &goes_on))
            return goes_on;
        if (!is_interval_of(m->source, attributes) ||
            !(w->wants_ids || is_of_detector(m, attributes)))
            return true;
    } else if (depth != 1 ||
               strcmp(name, m->source == METRIC_TRIPINFO ? "tripinfo" : "step") != 0) {
        return true;
    }
    for (size_t i = 0; attributes[i]; i += 2) {
        if (!w->wants_ids)
            note_word(w, attributes[i]);
        else if (strcmp(attributes[i], "id") == 0)
            note_word(w, attributes[i + 1]);
    }
    return w->n < MAX_WORDS;
}

/* ", did you mean "x"? There is: a, b, c" into `out`. */
static void list_words(struct words *w, const char *wanted, char *out, size_t size)
{
    struct suggest nearest;
    size_t len;

    suggest_init(&nearest, wanted);
    for (size_t i = 0; i < w->n; i++)
        suggest_offer(&nearest, w->word[i]);
    len = (size_t)snprintf(out, size, "%s%s%s There is:", nearest.best ? " (did you mean \"" : "",
                           nearest.best ? nearest.best : "", nearest.best ? "\"?)." : ".");
    for (size_t i = 0; i < w->n && len + strlen(w->word[i]) + 8 < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s %s", i ? "," : "", w->word[i]);
    if (w->n == 0)
        (void)snprintf(out + len, size - len, " none");
    else if (w->n == MAX_WORDS)
        (void)snprintf(out + len, size - len, ", ...");
}

static enum platoon_status tell_missing(const struct metric *m, const struct tally *tally,
                                        const struct measure_files *files, struct platoon_err *err)
{
    struct words *w = calloc(1, sizeof *w);
    bool lacks_detector = is_of_detectors(m) && !tally->has_detector;
    const char *source = metric_source_text(m->source);
    enum platoon_status st;
    char there[800];

    if (!w)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for metrics");
    w->metric = m;
    w->wants_ids = lacks_detector;
    if (is_of_detectors(m))
        st = scan_detectors(files->folder, note_words, w, err);
    else
        st = scan(files->folder, m->source == METRIC_TRIPINFO ? files->tripinfo : files->summary,
                  note_words, w, err);
    if (st == PLATOON_OK) {
        list_words(w, lacks_detector ? m->detector : m->attribute, there, sizeof there);
        if (lacks_detector)
            st = platoon_fail(err, PLATOON_EINVAL,
                              "metrics.%s: SUMO wrote no intervals of an %s detector%s%s%s%s",
                              m->name, source, *m->detector ? " \"" : "", m->detector,
                              *m->detector ? "\"" : "", there);
        else
            st =
                platoon_fail(err, PLATOON_EINVAL, "metrics.%s: the %s output has no attribute %s%s",
                             m->name, source, m->attribute, there);
    }
    free(w);
    return st;
}

/* An output without a single line says nothing about its attributes; a detector always has one. */
static bool is_missing(const struct metric *m, const struct tally *tally)
{
    return tally->has_detector ? !tally->has_attribute : is_of_detectors(m);
}

static enum platoon_status conclude(const struct metric *m, struct tally *tally,
                                    const struct measure_files *files, double *out,
                                    struct platoon_err *err)
{
    if (is_missing(m, tally))
        return tell_missing(m, tally, files, err);
    if (tally->n_texts > 0 && m->aggregate != METRIC_COUNT)
        return platoon_fail(err, PLATOON_EINVAL,
                            "metrics.%s: %s of the %s output holds texts, not numbers; they can "
                            "only be counted",
                            m->name, m->attribute, metric_source_text(m->source));
    if (!aggregate_value(&tally->aggregate, m->aggregate, out))
        *out = NAN;
    else if (m->aggregate == METRIC_COUNT)
        *out += tally->n_texts;
    return PLATOON_OK;
}

enum platoon_status measure_collect(const struct measure_settings *s,
                                    const struct measure_files *files, double ended_s,
                                    struct sumo_statistics *statistics, double *values,
                                    struct platoon_err *err)
{
    struct trips trips = {.departed = 0.0};
    struct pass p = {
        .s = s,
        .tallies = calloc(s->n_metrics + 1, sizeof *p.tallies),
        .trips = s->has_window ? &trips : NULL,
        .ended_s = ended_s,
        .room = AGGREGATE_MAX_VALUES,
        .err = err,
    };
    enum platoon_status st;

    if (!p.tallies)
        return platoon_fail(err, PLATOON_ENOMEM, "no memory for metrics");
    st = read_all(&p, files);
    for (size_t i = 0; i < s->n_metrics; i++) {
        if (st == PLATOON_OK)
            st = conclude(&s->metrics[i], &p.tallies[i], files, &values[i], err);
        aggregate_release(&p.tallies[i].aggregate);
    }
    if (st == PLATOON_OK && s->has_window)
        trips_put(&trips, statistics);
    free(p.tallies);
    return st;
}
