/* SPDX-License-Identifier: Apache-2.0 */
/* network_read.c - elements of .net.xml and additional files into arrays.
 *
 * The order in a .net.xml is netconvert's: edges with their lanes, programs of signals, junctions,
 * connections, roundabouts. A connection or a roundabout finds its edges because of that. */
#include "sumo/network/network_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sumo/network/sources.h"
#include "sumo/xml_scan.h"

enum { MAX_NESTING = 8, MAX_LANES = 64 };

const struct network_limits network_limits_default = {
    .edges = 1000000,
    .links = 4000000,
    .signals = 100000,
    .programs = 200000,
    .phases = 2000000,
    .detectors = 1000000,
    .additional_files = 1000,
    .text_bytes = (size_t)256 << 20,
};

struct reader {
    struct network *network;
    const struct network_limits *limits;
    size_t text_left;
    const char *path; /* of the file that is read */
    unsigned nesting; /* of files that include others */
    bool is_net;
    uint32_t edge, program; /* whose children come; NETWORK_NONE */
    enum platoon_status st;
    struct platoon_err *err;
};

/* --- keeping ---------------------------------------------------------------------------------- */

static bool fail_limit(struct reader *r, const char *what, size_t limit)
{
    r->st = platoon_fail(r->err, PLATOON_ELIMIT,
                         "%s has more %s than the %zu that are read; a network of this size is "
                         "described by SUMO's own tools (sumolib)",
                         r->path, what, limit);
    return false;
}

static bool fail_memory(struct reader *r)
{
    r->st = platoon_fail(r->err, PLATOON_ENOMEM, "no memory to read %s", r->path);
    return false;
}

/* Room for one more in an array of elements of `size` bytes that holds n. */
static bool make_room(struct reader *r, void *array, size_t *cap, size_t n, size_t size,
                      const char *what, size_t max)
{
    size_t more = *cap ? 2 * *cap : 16;
    void *old, *grown;

    if (n >= max)
        return fail_limit(r, what, max);
    if (n < *cap)
        return true;
    memcpy(&old, array, sizeof old); /* `array` points to a pointer of any type */
    if (!(grown = mem_realloc(old, more * size)))
        return fail_memory(r);
    memcpy(array, &grown, sizeof grown);
    *cap = more;
    return true;
}

static bool keep_text(struct reader *r, const char *text, char **out)
{
    size_t bytes;

    if (!text)
        text = "";
    bytes = strlen(text) + 1;
    if (bytes > r->text_left)
        return fail_limit(r, "bytes of names", r->limits->text_bytes);
    if (!(*out = mem_alloc(bytes)))
        return fail_memory(r);
    memcpy(*out, text, bytes);
    r->text_left -= bytes;
    return true;
}

static bool keep_name(struct reader *r, struct names *names, const char *text, const char *what,
                      size_t max, uint32_t *out)
{
    enum platoon_status st = names_add(names, text, (uint32_t)max, &r->text_left, out);

    if (st == PLATOON_ELIMIT && names->n >= max)
        return fail_limit(r, what, max);
    if (st == PLATOON_ELIMIT)
        return fail_limit(r, "bytes of names", r->limits->text_bytes);
    return st == PLATOON_OK || fail_memory(r);
}

/* As xml_number(), for what must be a number to reckon with: "nan" and "inf" are none. */
static double number(const char *const *attributes, const char *name, double absent)
{
    double value = xml_number(attributes, name, absent);

    return isfinite(value) ? value : absent;
}

/* --- the net ---------------------------------------------------------------------------------- */

/* Whether `word` is one of a list that spaces separate. */
static bool has_word(const char *list, const char *word)
{
    const char *at;
    size_t len;

    while (list && network_next_lane(&list, &at, &len)) {
        if (strlen(word) == len && memcmp(at, word, len) == 0)
            return true;
    }
    return false;
}

static bool is_for_cars(const char *const *attributes)
{
    const char *allow = xml_attribute(attributes, "allow");
    const char *disallow = xml_attribute(attributes, "disallow");

    if (has_word(disallow, "all") || has_word(disallow, "passenger"))
        return false;
    return !allow || !*allow || has_word(allow, "all") || has_word(allow, "passenger");
}

static bool take_junction(struct reader *r, const char *id, uint32_t *out)
{
    *out = NETWORK_NONE;
    return !id || keep_name(r, &r->network->junctions, id, "junctions", 2 * r->limits->edges, out);
}

static bool on_edge(struct reader *r, const char *const *attributes)
{
    struct network *n = r->network;
    const char *id = xml_attribute(attributes, "id");
    const char *function = xml_attribute(attributes, "function");
    const char *type = xml_attribute(attributes, "type");
    struct network_edge edge = {.type = NETWORK_NONE};
    uint32_t at;

    if (!id || !*id || *id == ':' || (function && strcmp(function, "normal") != 0) ||
        names_find(&n->edge_ids, id) != NETWORK_NONE)
        return true;
    /* The edge first: its limit then holds for junctions as well, two an edge. */
    if (!make_room(r, &n->edges, &n->edges_cap, n->edge_ids.n, sizeof edge, "edges",
                   r->limits->edges) ||
        !take_junction(r, xml_attribute(attributes, "from"), &edge.from) ||
        !take_junction(r, xml_attribute(attributes, "to"), &edge.to) ||
        (type && *type &&
         !keep_name(r, &n->types, type, "types of edges", r->limits->edges, &edge.type)) ||
        !keep_name(r, &n->edge_ids, id, "edges", r->limits->edges, &at))
        return false;
    n->edges[at] = edge;
    r->edge = at;
    return true;
}

static bool on_lane(struct reader *r, const char *const *attributes)
{
    struct network_edge *edge = &r->network->edges[r->edge];
    double index = number(attributes, "index", 0.0);
    double speed = number(attributes, "speed", 0.0);
    double length = number(attributes, "length", 0.0);

    if (!(index >= 0.0 && index < MAX_LANES) || !is_for_cars(attributes))
        return true;
    if (edge->n_lanes++ == 0)
        edge->first_lane = (unsigned)index;
    if (speed > edge->speed_mps)
        edge->speed_mps = speed;
    if (length > edge->length_m)
        edge->length_m = length;
    if (index < 32.0 && number(attributes, "acceleration", 0.0) == 1.0)
        edge->acceleration_lanes |= 1u << (unsigned)index;
    return true;
}

static bool take_signal(struct reader *r, const char *id, uint32_t *out)
{
    struct network *n = r->network;

    *out = names_find(&n->signal_ids, id);
    if (*out != NETWORK_NONE)
        return true;
    if (!make_room(r, &n->signals, &n->signals_cap, n->signal_ids.n, sizeof *n->signals, "signals",
                   r->limits->signals) ||
        !keep_name(r, &n->signal_ids, id, "signals", r->limits->signals, out))
        return false;
    n->signals[*out] = (struct network_signal){.edge = NETWORK_NONE};
    return true;
}

static bool on_connection(struct reader *r, const char *const *attributes)
{
    struct network *n = r->network;
    const char *from = xml_attribute(attributes, "from"), *to = xml_attribute(attributes, "to");
    const char *tl = xml_attribute(attributes, "tl");
    struct network_link link;
    uint32_t at;

    if (!from || !to)
        return true;
    link.from = names_find(&n->edge_ids, from);
    link.to = names_find(&n->edge_ids, to);
    if (tl && *tl) {
        if (!take_signal(r, tl, &at))
            return false;
        if (link.from == NETWORK_NONE ||
            (n->signals[at].n_links && n->signals[at].edge != link.from))
            n->signals[at].is_mixed = true;
        n->signals[at].edge = n->signals[at].is_mixed ? NETWORK_NONE : link.from;
        n->signals[at].n_links++;
    }
    if (link.from == NETWORK_NONE || link.to == NETWORK_NONE)
        return true;
    /* Lane by lane in the file, side by side: once is enough. */
    if (n->n_links && n->links[n->n_links - 1].from == link.from &&
        n->links[n->n_links - 1].to == link.to)
        return true;
    if (!make_room(r, &n->links, &n->links_cap, n->n_links, sizeof link, "connections",
                   r->limits->links))
        return false;
    n->links[n->n_links++] = link;
    return true;
}

static bool on_roundabout(struct reader *r, const char *const *attributes)
{
    const char *at = xml_attribute(attributes, "edges"), *id;
    size_t len;

    while (at && network_next_lane(&at, &id, &len)) {
        char *name = strndup(id, len);
        uint32_t edge = name ? names_find(&r->network->edge_ids, name) : NETWORK_NONE;

        if (!name)
            return fail_memory(r);
        free(name);
        if (edge != NETWORK_NONE)
            r->network->edges[edge].is_in_roundabout = true;
    }
    return true;
}

/* --- signals' programs ------------------------------------------------------------------------ */

static bool on_program(struct reader *r, const char *const *attributes)
{
    struct network *n = r->network;
    const char *id = xml_attribute(attributes, "id"), *type = xml_attribute(attributes, "type");
    struct network_program program = {.first_phase = (uint32_t)n->n_phases};

    if (!id || !*id)
        return true;
    if (!take_signal(r, id, &program.signal) ||
        !make_room(r, &n->programs, &n->programs_cap, n->n_programs, sizeof program, "programs",
                   r->limits->programs) ||
        !keep_text(r, xml_attribute(attributes, "programID"), &program.id))
        return false;
    if (!keep_text(r, type, &program.type)) {
        free(program.id);
        return false;
    }
    if (strncmp(program.type, "rail_", 5) == 0)
        n->signals[program.signal].is_for_rails = true;
    n->signals[program.signal].n_programs++;
    r->program = (uint32_t)n->n_programs;
    n->programs[n->n_programs++] = program;
    return true;
}

static bool on_phase(struct reader *r, const char *const *attributes)
{
    struct network *n = r->network;
    struct network_phase phase = {.duration_s = number(attributes, "duration", NAN)};

    if (!make_room(r, &n->phases, &n->phases_cap, n->n_phases, sizeof phase, "phases",
                   r->limits->phases) ||
        !keep_text(r, xml_attribute(attributes, "state"), &phase.state))
        return false;
    n->phases[n->n_phases++] = phase;
    n->programs[r->program].n_phases++;
    return true;
}

static int by_signal(const void *a, const void *b)
{
    const struct network_program *x = a, *y = b;

    if (x->signal != y->signal)
        return x->signal < y->signal ? -1 : 1;
    return x->first_phase < y->first_phase ? -1 : x->first_phase > y->first_phase;
}

static void sort_programs(struct network *n)
{
    if (n->n_programs)
        qsort(n->programs, n->n_programs, sizeof *n->programs, by_signal);
    for (size_t i = n->n_programs; i-- > 0;)
        n->signals[n->programs[i].signal].first_program = (uint32_t)i;
}

/* --- detectors -------------------------------------------------------------------------------- */

/* Of an edge's cars' lanes; NAN if the network has no such lane. */
static double lane_length(const struct network *n, const char *lane, size_t len)
{
    unsigned index;
    uint32_t edge;

    return network_find_lane(n, lane, len, &edge, &index) ? n->edges[edge].length_m : NAN;
}

/* SUMO counts a negative position from the lane's end. */
static double from_begin(double position, double length)
{
    return position < 0.0 ? position + length : position;
}

static void measure(const struct network *n, struct network_detector *d,
                    const char *const *attributes)
{
    const char *at = d->lanes, *lane;
    double sum = 0.0, last = NAN, first = NAN;
    size_t len;

    while (network_next_lane(&at, &lane, &len)) {
        last = lane_length(n, lane, len);
        first = isnan(first) ? last : first;
        sum += last;
    }
    d->position_m = from_begin(number(attributes, "pos", 0.0), first);
    if (d->kind != DETECTOR_E2)
        return;
    d->length_m = number(attributes, "length", NAN);
    if (isnan(d->length_m))
        d->length_m =
            sum - d->position_m - (last - from_begin(number(attributes, "endPos", last), last));
}

static bool on_detector(struct reader *r, enum network_detector_kind kind,
                        const char *const *attributes)
{
    struct network *n = r->network;
    const char *id = xml_attribute(attributes, "id"), *lanes = xml_attribute(attributes, "lanes");
    struct network_detector d = {.kind = kind, .position_m = NAN, .length_m = NAN};

    if (!id || !*id)
        return true;
    if (!lanes || kind != DETECTOR_E2)
        lanes = kind == DETECTOR_E3 ? "" : xml_attribute(attributes, "lane");
    if (!make_room(r, &n->detectors, &n->detectors_cap, n->n_detectors, sizeof d, "detectors",
                   r->limits->detectors) ||
        !keep_text(r, id, &d.id))
        return false;
    if (!keep_text(r, lanes, &d.lanes)) {
        free(d.id);
        return false;
    }
    if (kind != DETECTOR_E3)
        measure(n, &d, attributes);
    n->detectors[n->n_detectors++] = d;
    return true;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum platoon_status read_one(struct reader *r, const char *path);

static bool on_include(struct reader *r, const char *href)
{
    const char *outer = r->path;
    char *path;

    if (!href || !*href)
        return true;
    if (r->nesting >= MAX_NESTING) {
        r->st =
            platoon_fail(r->err, PLATOON_ELIMIT, "%s: files that include files, more than %d deep",
                         r->path, MAX_NESTING);
        return false;
    }
    if (!(path = sources_path(r->path, href, strlen(href))))
        return fail_memory(r);
    r->nesting++;
    r->st = read_one(r, path);
    r->nesting--;
    r->path = outer;
    free(path);
    return r->st == PLATOON_OK;
}

static bool on_root(struct reader *r, const char *name)
{
    if (!r->is_net || r->nesting > 0 || strcmp(name, "net") == 0)
        return true;
    r->st = platoon_fail(r->err, PLATOON_EINVAL,
                         "%s is no SUMO network: it begins with <%.64s>, not with <net>", r->path,
                         name);
    return false;
}

static bool on_child(struct reader *r, const char *name, const char *const *attributes)
{
    if (strcmp(name, "lane") == 0 && r->edge != NETWORK_NONE)
        return on_lane(r, attributes);
    if (strcmp(name, "phase") == 0 && r->program != NETWORK_NONE)
        return on_phase(r, attributes);
    return true;
}

static bool on_element(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    static const struct {
        const char *name;
        enum network_detector_kind kind;
    } detectors[] = {
        {"inductionLoop", DETECTOR_E1},     {"e1Detector", DETECTOR_E1},
        {"laneAreaDetector", DETECTOR_E2},  {"e2Detector", DETECTOR_E2},
        {"entryExitDetector", DETECTOR_E3}, {"e3Detector", DETECTOR_E3},
    };
    struct reader *r = arg;

    if (depth == 0)
        return on_root(r, name);
    if (depth > 1)
        return on_child(r, name, attributes);
    r->edge = r->program = NETWORK_NONE;
    if (strcmp(name, "include") == 0)
        return on_include(r, xml_attribute(attributes, "href"));
    if (strcmp(name, "tlLogic") == 0)
        return on_program(r, attributes);
    for (size_t i = 0; i < sizeof detectors / sizeof detectors[0]; i++) {
        if (strcmp(name, detectors[i].name) == 0)
            return on_detector(r, detectors[i].kind, attributes);
    }
    if (!r->is_net)
        return true;
    if (strcmp(name, "edge") == 0)
        return on_edge(r, attributes);
    if (strcmp(name, "connection") == 0)
        return on_connection(r, attributes);
    if (strcmp(name, "roundabout") == 0)
        return on_roundabout(r, attributes);
    return true;
}

static enum platoon_status read_one(struct reader *r, const char *path)
{
    enum platoon_status st;

    r->path = path;
    r->edge = r->program = NETWORK_NONE;
    st = xml_scan(path, on_element, r, r->err);
    return st == PLATOON_OK ? r->st : st;
}

enum platoon_status network_read(const char *config, const struct network_limits *limits,
                                 struct network *out, struct platoon_err *err)
{
    struct network network = {0};
    struct reader r = {
        .network = &network, .limits = limits, .text_left = limits->text_bytes, .err = err};
    struct sources sources = {0};
    enum platoon_status st = sources_read(config, limits->additional_files, &sources, err);

    if (st == PLATOON_OK) {
        r.is_net = true;
        st = read_one(&r, sources.net);
        r.is_net = false;
    }
    for (size_t i = 0; i < sources.n_additional && st == PLATOON_OK; i++)
        st = read_one(&r, sources.additional[i]);
    if (st == PLATOON_OK) {
        sort_programs(&network);
        network.net_file = sources.net;
        sources.net = NULL;
        *out = network;
    } else {
        network_release(&network);
    }
    sources_release(&sources);
    return st;
}
