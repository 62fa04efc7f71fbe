/* SPDX-License-Identifier: Apache-2.0 */
/* Ramps in small networks, each rule by what it takes and what it leaves; the draft of settings. */
#include "support/test.h"

#include <unistd.h>

#include "base/mem.h"
#include "config/yaml.h"
#include "sumo/control/settings.h"
#include "sumo/network/draft.h"
#include "sumo/network/network_read.h"
#include "sumo/network/ramp_notes.h"
#include "sumo/network/ramps.h"

/* A motorway "up" (2 lanes, 30 m/s), a ramp "on" (1 lane, 20 m/s), both into "merge", whose lane 0 is
 * for acceleration, then "down". The ramp comes from "wait", past a signal. */
#define LANE(id, i, v, m) "<lane id='" id "_" #i "' index='" #i "' speed='" #v "' length='" #m "'/>"
#define EDGE(id, from, to, more, lanes)                                                            \
    "<edge id='" id "' from='" from "' to='" to "' " more ">" lanes "</edge>"
#define LINK(from, to, more) "<connection from='" from "' to='" to "' " more "/>"

#define UP EDGE("up", "a", "j", "", LANE("up", 0, 30, 900) LANE("up", 1, 30, 900))
#define ON EDGE("on", "s", "j", "", LANE("on", 0, 20, 200))
#define MERGE                                                                                      \
    EDGE("merge", "j", "d", "",                                                                    \
         "<lane index='0' speed='30' length='280' acceleration='1'/>" LANE("merge", 1, 30, 280)    \
             LANE("merge", 2, 30, 280))
#define DOWN    EDGE("down", "d", "e", "", LANE("down", 0, 30, 990) LANE("down", 1, 30, 990))
#define WAIT    EDGE("wait", "r", "s", "", LANE("wait", 0, 15, 600))
#define LINKS   LINK("up", "merge", "") LINK("on", "merge", "") LINK("merge", "down", "")
#define METERED LINK("wait", "on", "tl='light'")

struct found {
    struct network network;
    struct ramps ramps;
};

static struct found find(const char *net, const char *additional)
{
    char dir[] = "/tmp/platoon-ramps-XXXXXX", path[3][64];
    const char *texts[] = {"<configuration><net-file value='n'/><a value='a'/></configuration>",
                           net, additional};
    struct found found = {.network = {0}};
    struct platoon_err err;

    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 3; i++) {
        FILE *f;

        snprintf(path[i], sizeof path[i], "%s/%c", dir, "xna"[i]);
        assert_non_null(f = fopen(path[i], "w"));
        fprintf(f, "%s%s%s", i ? "<net>" : "", texts[i], i ? "</net>" : "");
        assert_int_equal(fclose(f), 0);
    }
    if (network_read(path[0], &network_limits_default, &found.network, &err) != PLATOON_OK ||
        ramps_find(&found.network, &found.ramps, &err) != PLATOON_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < 3; i++)
        unlink(path[i]);
    rmdir(dir);
    return found;
}

static void release(struct found *f)
{
    ramps_release(&f->ramps);
    network_release(&f->network);
}

static const char *edge(const struct found *f, uint32_t number)
{
    return network_edge_id(&f->network, number);
}

static const char *detector(const struct found *f, uint32_t number)
{
    return number == NETWORK_NONE ? "" : f->network.detectors[number].id;
}

static const char *the_ramp(const char *net)
{
    static char answer[64];
    struct found f = find(net, "");

    strcpy(answer, f.ramps.n == 0 ? "none" : f.ramps.n > 1 ? "many" : "");
    if (f.ramps.n == 1)
        snprintf(answer, sizeof answer, "%s by %s", edge(&f, f.ramps.list[0].edge),
                 ramp_evidence_name(f.ramps.list[0].found_by));
    release(&f);
    return answer;
}

TEST(ramp_is_the_slower_and_narrower_of_two_that_merge)
{
    assert_string_equal(the_ramp(UP ON MERGE DOWN LINKS), "on by rank");
    /* as fast and as wide: neither is one */
    assert_string_equal(the_ramp(UP EDGE("on", "s", "j", "",
                                         LANE("on", 0, 30, 9) LANE("on", 1, 30, 9)) MERGE LINKS),
                        "none");
    /* wider but slower: neither */
    assert_string_equal(the_ramp(UP EDGE("on", "s", "j", "",
                                         LANE("on", 0, 20, 9) LANE("on", 1, 20, 9)
                                             LANE("on", 2, 20, 9)) MERGE LINKS),
                        "none");
    /* it leads elsewhere, too: no merge but a junction */
    assert_string_equal(the_ramp(UP ON MERGE DOWN LINKS LINK("on", "down", "")), "none");
    assert_string_equal(the_ramp(UP MERGE LINK("up", "merge", "")), "none");
    assert_string_equal(the_ramp(""), "none");
}

TEST(ramp_is_told_by_its_type)
{
    assert_string_equal(
        the_ramp(EDGE("up", "a", "j", "type='highway.motorway'", LANE("up", 0, 30, 9))
                     EDGE("on", "s", "j", "type='highway.motorway_link'",
                          LANE("on", 0, 30, 9) LANE("on", 1, 30, 9)) MERGE LINKS),
        "on by type");
    /* one link into another is an interchange */
    assert_string_equal(
        the_ramp(EDGE("up", "a", "j", "type='highway.motorway_link'", LANE("up", 0, 30, 9))
                     EDGE("on", "s", "j", "type='highway.motorway_link'", LANE("on", 0, 20, 9))
                         EDGE("merge", "j", "d", "type='highway.motorway_link'",
                              LANE("merge", 0, 30, 9)) LINKS),
        "none");
}

TEST(ramp_is_none_in_towns_roundabouts_and_for_other_traffic)
{
    assert_string_equal(the_ramp(EDGE("up", "a", "j", "", LANE("up", 0, 14, 9))
                                     EDGE("on", "s", "j", "", LANE("on", 0, 8, 9)) EDGE(
                                         "merge", "j", "d", "", LANE("merge", 0, 13.89, 9)) LINKS),
                        "none");
    assert_string_equal(the_ramp(UP ON MERGE LINKS "<roundabout edges='merge down'/>"), "none");
    assert_string_equal(
        the_ramp(UP EDGE("on", "s", "j", "", "<lane index='0' speed='20' length='9' allow='tram'/>")
                     MERGE LINKS),
        "none");
    /* the way back at the end of a road */
    assert_string_equal(the_ramp(UP EDGE("on", "d", "j", "", LANE("on", 0, 20, 9)) MERGE LINKS),
                        "none");
}

TEST(ramp_has_the_nearest_signal_upstream_and_who_passes_it)
{
    struct found f = find(UP ON MERGE DOWN WAIT LINKS METERED, "");
    const struct ramp *r = &f.ramps.list[0];

    assert_int_equal(f.ramps.n, 1);
    assert_string_equal(network_signal_id(&f.network, r->signal), "light");
    assert_string_equal(edge(&f, r->waiting), "wait");
    assert_string_equal(edge(&f, r->mainline), "up");
    assert_string_equal(edge(&f, r->merge), "merge");
    assert_int_equal(r->bypass, NETWORK_NONE);
    release(&f);

    f = find(UP ON MERGE DOWN WAIT EDGE("side", "q", "s", "", LANE("side", 0, 9, 9))
                 LINKS METERED LINK("side", "on", ""),
             "");
    assert_string_equal(edge(&f, f.ramps.list[0].bypass), "side");
    release(&f);

    /* at the merge itself */
    f = find(UP ON MERGE LINK("up", "merge", "") LINK("on", "merge", "tl='x'"), "");
    assert_string_equal(edge(&f, f.ramps.list[0].waiting), "on");
    assert_string_equal(network_signal_id(&f.network, f.ramps.list[0].signal), "x");
    release(&f);

    /* too far up; and of a junction that stops others as well */
    f = find(UP EDGE("on", "s", "j", "", LANE("on", 0, 20, 1001)) MERGE WAIT LINKS METERED, "");
    assert_int_equal(f.ramps.list[0].signal, NETWORK_NONE);
    release(&f);
    f = find(UP ON MERGE WAIT LINKS METERED LINK("up", "merge", "tl='light'"), "");
    assert_int_equal(f.ramps.list[0].signal, NETWORK_NONE);
    assert_string_equal(f.network.junctions.text[f.ramps.list[0].site], "s");
    release(&f);
}

TEST(ramp_of_equals_is_told_by_its_signal)
{
    struct found f =
        find(EDGE("up", "a", "j", "", LANE("up", 0, 13, 9))
                 EDGE("on", "s", "j", "", LANE("on", 0, 13, 9))
                     EDGE("merge", "j", "d", "", LANE("merge", 0, 13, 9)) WAIT LINKS METERED,
             "");

    assert_int_equal(f.ramps.n, 1);
    assert_int_equal(f.ramps.list[0].found_by, RAMP_BY_SIGNAL);
    assert_string_equal(edge(&f, f.ramps.list[0].edge), "on");
    assert_string_equal(edge(&f, f.ramps.list[0].mainline), "up");
    assert_string_equal(edge(&f, f.ramps.list[0].merge), "merge");
    release(&f);
    /* a signal whose road nothing joins is none of a ramp's */
    assert_string_equal(the_ramp(WAIT ON METERED), "none");
}

static const char loops[] = "<inductionLoop id='m2b' lane='merge_2' pos='200'/><inductionLoop "
                            "id='m2' lane='merge_2' pos='90'/>"
                            "<inductionLoop id='m1' lane='merge_1' pos='100'/><inductionLoop "
                            "id='m0' lane='merge_0' pos='9'/>"
                            "<inductionLoop id='d1' lane='down_0' pos='9'/>"
                            "<laneAreaDetector id='short' lane='wait_0' pos='500'/>"
                            "<laneAreaDetector id='queue' lane='wait_0' pos='50'/>"
                            "<inductionLoop id='late' lane='wait_0' pos='-5'/><inductionLoop "
                            "id='in' lane='wait_0' pos='9'/>";

TEST(ramp_has_the_detectors_that_alinea_reads)
{
    struct found f = find(UP ON MERGE DOWN WAIT LINKS METERED, loops);
    const struct ramp *r = &f.ramps.list[0];

    assert_true(ramp_is_complete(r));
    assert_int_equal(r->n_occupancy, 2); /* none of the acceleration lane */
    assert_string_equal(detector(&f, r->occupancy[0]), "m1");
    assert_string_equal(detector(&f, r->occupancy[1]), "m2");
    assert_string_equal(detector(&f, r->queue), "queue");
    assert_string_equal(detector(&f, r->inflow), "in");
    release(&f);

    f = find(UP ON MERGE DOWN WAIT LINKS METERED,
             "<inductionLoop id='d1' lane='down_0' pos='9'/>"
             "<inductionLoop id='late' lane='wait_0' pos='-5'/>");
    r = &f.ramps.list[0];
    assert_string_equal(edge(&f, r->occupancy_edge), "down");
    assert_string_equal(detector(&f, r->occupancy[0]), "d1");
    assert_int_equal(r->queue, NETWORK_NONE);
    assert_int_equal(r->inflow, NETWORK_NONE); /* at the stop line it counts who leaves */
    release(&f);
}

TEST(ramps_come_best_first)
{
    struct found f = find(UP ON MERGE DOWN EDGE("on2", "t", "d", "", LANE("on2", 0, 20, 50))
                              WAIT LINKS LINK("on2", "down", "") LINK("wait", "on2", "tl='x'"),
                          "");

    assert_int_equal(f.ramps.n, 2);
    assert_string_equal(edge(&f, f.ramps.list[0].edge), "on2");
    assert_string_equal(edge(&f, f.ramps.list[1].edge), "on");
    release(&f);
}

TEST(ramps_survive_memory_running_out_anywhere)
{
    struct found f = find(UP ON MERGE DOWN WAIT LINKS METERED, loops);
    enum platoon_status st = PLATOON_ENOMEM;
    struct ramps ramps = {0};
    struct platoon_err err;
    size_t nth;

    for (nth = 1; st == PLATOON_ENOMEM && nth < 100; nth++) {
        mem_fail_from(nth);
        st = ramps_find(&f.network, &ramps, &err);
        mem_fail_from(0);
    }
    assert_true(st == PLATOON_OK && nth > 5 && ramps.n == 1);
    ramps_release(&ramps);
    release(&f);
}

/* --- the draft -------------------------------------------------------------------------------- */

/* The draft as a run reads it, and in *out_text (freed by the caller) as people do. */
static void draft(const struct found *f, struct control_settings *out, char **out_text)
{
    const struct ramp *ramp = f->ramps.n ? &f->ramps.list[0] : NULL;
    struct platoon_err err;
    struct yaml_doc *doc;
    platoon_value *control;
    struct buf text;
    size_t len;

    buf_init(&text);
    assert_int_equal(draft_settings(&text, "a\n\xff.sumocfg", &f->network, ramp, &err), PLATOON_OK);
    *out_text = buf_take_text(&text, &len);
    assert_non_null(*out_text);
    if (yaml_read_text("draft", *out_text, len, &doc, &err) != PLATOON_OK)
        fail_msg("%s in:\n%s", err.message, *out_text);
    control = yaml_value(yaml_get(doc->root, "control", NULL));
    if (control_settings_init(out, control, "draft", &err) != PLATOON_OK ||
        control_settings_take(out, control, "draft", &err) != PLATOON_OK ||
        control_settings_finish(out, &err) != PLATOON_OK)
        fail_msg("%s in:\n%s", err.message, *out_text);
    platoon_value_unref(control);
    yaml_free(doc);
}

TEST(draft_of_a_complete_ramp_names_all_of_it)
{
    struct found f = find(UP ON MERGE DOWN WAIT LINKS METERED, loops);
    struct control_settings s;
    char *text;

    draft(&f, &s, &text);
    assert_string_equal(s.type->name, "alinea");
    assert_string_equal(s.places[0].names[0], "light");
    assert_int_equal(s.places[1].n, 2);
    assert_string_equal(s.places[1].names[1], "m2");
    assert_string_equal(s.places[2].names[0], "queue");
    assert_string_equal(s.places[3].names[0], "in");
    assert_non_null(strstr(text, "storage_vehicles: 58\n")); /* 0.8 * 550 / 7.5 */
    assert_null(strstr(text, "missing"));
    control_settings_release(&s);
    free(text);
    release(&f);
}

TEST(draft_of_an_incomplete_ramp_says_why)
{
    struct found f = find(UP ON MERGE DOWN WAIT LINKS METERED, "");
    struct control_settings s;
    char *text;

    draft(&f, &s, &text);
    assert_string_equal(s.places[0].names[0], "light");
    assert_true(s.places[1].is_preset);
    assert_int_equal(s.places[2].n, 0); /* no override, no need */
    assert_non_null(strstr(text, "# occupancy_detectors: missing: no induction loop"));
    assert_non_null(strstr(text, "queue_override: false\n"));
    control_settings_release(&s);
    free(text);
    release(&f);

    f = find("", "");
    draft(&f, &s, &text);
    assert_non_null(strstr(text, "# tls:\n"));
    control_settings_release(&s);
    free(text);
    release(&f);
}

TEST(draft_keeps_odd_names_as_they_are)
{
    /* a quote, a backslash, a line break and what YAML takes for one, a number, a word of YAML's */
    struct found f = find(UP ON MERGE DOWN WAIT LINKS LINK(
                              "wait", "on", "tl='a\"\\ #&#10;&#x85;&#x2028;\xe9\xab\x98'"),
                          "<inductionLoop id='17' lane='merge_1' pos='1'/>"
                          "<inductionLoop id='null' lane='merge_2' pos='1'/>");
    struct control_settings s;
    char *text;

    draft(&f, &s, &text);
    assert_string_equal(s.places[0].names[0], "a\"\\ #\n\xc2\x85\xe2\x80\xa8\xe9\xab\x98");
    assert_string_equal(s.places[1].names[0], "17");
    assert_string_equal(s.places[1].names[1], "null");
    control_settings_release(&s);
    free(text);
    release(&f);
}

TEST(draft_passes_over_a_name_that_control_cannot_hold)
{
    char net[2000], id[300];
    struct control_settings s;
    struct found f;
    char *text;

    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(net, sizeof net, UP ON MERGE DOWN WAIT LINKS LINK("wait", "on", "tl='%s'"), id);
    f = find(net, loops);
    draft(&f, &s, &text);
    assert_true(s.places[0].is_preset);
    assert_non_null(strstr(text, "# tls: an id of it is longer than a controller can name"));
    control_settings_release(&s);
    free(text);
    release(&f);
}
