/* SPDX-License-Identifier: Apache-2.0 */
/* A network out of the files that a .sumocfg names: what is kept, what is refused, and when. */
#include "support/test.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/remove_tree.h"
#include "sumo/network/network_read.h"

static char folder[64];

static void write_file(const char *name, const void *data, size_t len)
{
    char path[160];
    FILE *f;

    if (!*folder) {
        strcpy(folder, "/tmp/platoon-network-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static const char config[] =
    "<configuration><input><net-file value='n.net.xml'/>"
    "<additional-files value='a.xml, &#10; b.xml '/></input></configuration>";
static const char net[] =
    "<net><edge id=':j_0' function='internal'><lane id=':j_0_0' index='0' speed='9' length='3'/>"
    "</edge>"
    "<edge id='in' from='a' to='j' type='highway.primary'>"
    "<lane id='in_0' index='0' allow='pedestrian' speed='2' length='100'/>"
    "<lane id='in_1' index='1' speed='20' length='100' acceleration='1'/>"
    "<lane id='in_2' index='2' disallow='tram bus' speed='25' length='101'/></edge>"
    "<edge id='out' from='j' to='b'><lane id='out_0' index='0' speed='30' length='50'/></edge>"
    "<tlLogic id='j' type='static' programID='0'><phase duration='30' state='GG'/>"
    "<phase duration='5.5' state='rr'/></tlLogic>"
    "<connection from='in' to='out' fromLane='1' toLane='0' tl='j' linkIndex='0'/>"
    "<connection from='in' to='out' fromLane='2' toLane='0' tl='j' linkIndex='1'/>"
    "<connection from=':j_0' to='out' fromLane='0' toLane='0'/></net>";
static const char first[] =
    "<additional><inductionLoop id='loop' lane='in_1' pos='-10' file='x'/>"
    "<laneAreaDetector id='area' lanes='in_1 out_0' pos='20' endPos='-1' file='x'/>"
    "<entryExitDetector id='e3' file='x'><detEntry lane='in_1' pos='1'/></entryExitDetector>"
    "<include href='sub/c.xml'/></additional>";
static const char second[] = "<additional><tlLogic id='j' programID='night' type='actuated'>"
                             "<phase duration='1' state='yy'/></tlLogic></additional>";

static void write_all(void)
{
    char path[160];

    write_text("x.sumocfg", config);
    write_text("n.net.xml", net);
    write_text("a.xml", first);
    write_text("b.xml", second);
    snprintf(path, sizeof path, "%s/sub", folder);
    (void)mkdir(path, 0777); /* may be there */
    write_text("sub/c.xml", "<additional><e1Detector id='far' lane='out_0' pos='5'/>"
                            "<e2Detector id='short' lane='out_0' pos='5' length='12'/>"
                            "</additional>");
}

static enum platoon_status read_it(const struct network_limits *limits, struct network *out,
                                   struct platoon_err *err)
{
    char path[160];

    memset(err, 0, sizeof *err);
    snprintf(path, sizeof path, "%s/x.sumocfg", folder);
    return network_read(path, limits ? limits : &network_limits_default, out, err);
}

static void clean_up(void)
{
    assert_int_equal(remove_tree(folder), 0);
    *folder = '\0';
}

static void refuse(enum platoon_status wanted, const char *part)
{
    struct network n = {0};
    struct platoon_err err;
    enum platoon_status st = read_it(NULL, &n, &err);

    if (st != wanted || !strstr(err.message, part) || n.edges || n.edge_ids.n)
        fail_msg("%d, \"%s\"", st, err.message);
}

TEST(network_has_edges_links_signals_and_detectors)
{
    struct network n = {0};
    struct platoon_err err;

    write_all();
    assert_int_equal(read_it(NULL, &n, &err), PLATOON_OK);
    assert_int_equal(n.edge_ids.n, 2);
    assert_string_equal(network_edge_id(&n, 0), "in");
    assert_int_equal(n.edges[0].n_lanes, 2); /* people on foot have the third */
    assert_int_equal(n.edges[0].first_lane, 1);
    assert_int_equal(n.edges[0].acceleration_lanes, 2);
    assert_true(n.edges[0].speed_mps == 25.0 && n.edges[0].length_m == 101.0);
    assert_string_equal(n.types.text[n.edges[0].type], "highway.primary");
    assert_int_equal(n.edges[1].type, NETWORK_NONE);
    assert_string_equal(n.junctions.text[n.edges[1].from], "j");
    assert_int_equal(n.n_links, 1);
    assert_int_equal(n.links[0].to, 1);

    assert_int_equal(n.signal_ids.n, 1);
    assert_int_equal(n.signals[0].n_links, 2);
    assert_int_equal(n.signals[0].edge, 0);
    assert_int_equal(n.signals[0].n_programs, 2);
    assert_string_equal(n.programs[n.signals[0].first_program].id, "0");
    assert_string_equal(n.programs[1].id, "night");
    assert_string_equal(n.programs[1].type, "actuated");
    assert_int_equal(n.programs[0].n_phases, 2);
    assert_string_equal(n.phases[n.programs[0].first_phase + 1].state, "rr");
    assert_true(n.phases[1].duration_s == 5.5);
    assert_string_equal(n.phases[n.programs[1].first_phase].state, "yy");

    assert_int_equal(n.n_detectors, 5);
    assert_string_equal(n.detectors[0].id, "loop");
    assert_true(n.detectors[0].position_m == 91.0 && isnan(n.detectors[0].length_m));
    assert_int_equal(n.detectors[1].kind, DETECTOR_E2);
    assert_true(n.detectors[1].length_m == 101.0 - 20.0 + 50.0 - 1.0);
    assert_int_equal(n.detectors[2].kind, DETECTOR_E3);
    assert_string_equal(n.detectors[3].id, "far"); /* of the file that is included */
    assert_true(n.detectors[4].length_m == 12.0);
    network_release(&n);
    clean_up();
}

TEST(network_signal_of_several_edges_or_a_crossing_stops_none)
{
    struct network n = {0};
    struct platoon_err err;

    write_all();
    write_text("n.net.xml",
               "<net><edge id='a'/><edge id='b'/><edge id='c'/>"
               "<connection from='a' to='c' tl='two'/><connection from='b' to='c' tl='two'/>"
               "<connection from='a' to='b' tl='walk'/><connection from=':w' to=':c' tl='walk'/>"
               "<connection from=':w' to=':c' tl='rail'/><tlLogic id='rail' type='rail_signal'/>"
               "<roundabout nodes='x' edges='b nowhere c'/></net>");
    assert_int_equal(read_it(NULL, &n, &err), PLATOON_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(n.signals[i].edge, NETWORK_NONE);
    assert_true(n.signals[2].is_for_rails);
    assert_true(!n.edges[0].is_in_roundabout && n.edges[1].is_in_roundabout);
    network_release(&n);
    clean_up();
}

TEST(network_ids_may_be_odd)
{
    struct network n = {0};
    struct platoon_err err;

    write_all();
    write_text("n.net.xml",
               "<net><edge id='a b_7_&quot;'><lane index='0' speed='1' length='2'/></edge>"
               "<edge id='\xe9\xab\x98\xe9\x80\x9f&#10;&lt;'/><edge id=''/><edge/>"
               "<edge id='n'><lane index='-1'/><lane index='99999'/><lane index='nan'/>"
               "<lane index='0' speed='nan' length='inf'/></edge></net>");
    write_text("a.xml", "<a><inductionLoop id='1' lane='a b_7_&quot;_0' pos='nan'/>"
                        "<inductionLoop id='2' lane='nothing_0'/><inductionLoop id='3'/>"
                        "<inductionLoop id='4' lane='_0'/><inductionLoop id='5' lane='n_0x'/>"
                        "<inductionLoop id='6' lane='n_99999999999999999999'/><phase/><lane/></a>");
    assert_int_equal(read_it(NULL, &n, &err), PLATOON_OK);
    assert_int_equal(n.edge_ids.n, 3);
    assert_string_equal(n.edge_ids.text[0], "a b_7_\"");
    assert_string_equal(n.edge_ids.text[1], "\xe9\xab\x98\xe9\x80\x9f\n<");
    assert_int_equal(n.edges[2].n_lanes, 2);
    assert_true(n.edges[2].speed_mps == 0.0 && n.edges[2].length_m == 0.0);
    assert_int_equal(n.n_detectors, 6);
    assert_true(n.detectors[1].position_m == 0.0 || isnan(n.detectors[1].position_m));
    network_release(&n);
    clean_up();
}

TEST(network_files_that_are_wrong_are_named)
{
    static const unsigned char cut_off_gz[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0};
    char too_deep[160];

    write_all();
    write_text("x.sumocfg", "<configuration><input/></configuration>");
    refuse(PLATOON_EINVAL, "names no net-file");
    write_text("x.sumocfg", "<configuration><n v='gone.xml'/></configuration>");
    refuse(PLATOON_ENOTFOUND, "gone.xml");
    write_text("x.sumocfg", config);
    write_file("b.xml", cut_off_gz, sizeof cut_off_gz);
    refuse(PLATOON_EPROTO, "/b.xml is compressed, and cut off");
    write_text("b.xml", "<a><inductionLoop id='x' lane='in_1'/>");
    refuse(PLATOON_EPROTO, "/b.xml:1:");
    write_text("b.xml", "<a><include href='b.xml'/></a>");
    refuse(PLATOON_ELIMIT, "more than 8 deep");
    write_text("n.net.xml", "<routes/>");
    refuse(PLATOON_EINVAL, "begins with <routes>");
    write_text("n.net.xml", "<net><edge id='a'><lane index='0'></edge></net>");
    refuse(PLATOON_EPROTO, "n.net.xml:1:");
    write_text("n.net.xml", "");
    refuse(PLATOON_EPROTO, "n.net.xml");
    snprintf(too_deep, sizeof too_deep, "%s/x.sumocfg", folder);
    unlink(too_deep);
    refuse(PLATOON_ENOTFOUND, "x.sumocfg");
    clean_up();
}

TEST(network_meets_each_limit_before_it_takes_memory)
{
    static const struct {
        size_t offset;
        size_t enough; /* one less is refused */
        const char *part;
    } cases[] = {
        {offsetof(struct network_limits, edges), 2, "edges"},
        {offsetof(struct network_limits, links), 1, "connections"},
        {offsetof(struct network_limits, signals), 1, "signals"},
        {offsetof(struct network_limits, programs), 2, "programs"},
        {offsetof(struct network_limits, phases), 3, "phases"},
        {offsetof(struct network_limits, detectors), 5, "detectors"},
        {offsetof(struct network_limits, additional_files), 2, "additional files"},
    };
    struct network_limits limits;
    struct platoon_err err;

    write_all();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct network n = {0};
        size_t *limit = (size_t *)((char *)&limits + cases[i].offset);

        limits = network_limits_default;
        *limit = cases[i].enough;
        if (read_it(&limits, &n, &err) != PLATOON_OK)
            fail_msg("%s", err.message);
        network_release(&n);
        *limit = cases[i].enough - 1;
        if (read_it(&limits, &n, &err) != PLATOON_ELIMIT || !strstr(err.message, cases[i].part))
            fail_msg("%s: \"%s\"", cases[i].part, err.message);
        assert_null(n.edges);
    }
    clean_up();
}

TEST(network_text_is_limited_as_a_whole)
{
    struct network_limits limits = network_limits_default;
    struct network n = {0};
    struct platoon_err err;
    size_t enough = 0;

    write_all();
    for (limits.text_bytes = 0; !enough && limits.text_bytes < 1000; limits.text_bytes++) {
        if (read_it(&limits, &n, &err) == PLATOON_OK)
            enough = limits.text_bytes;
        else if (!strstr(err.message, "bytes of names"))
            fail_msg("%s", err.message);
    }
    assert_true(enough > 50);
    network_release(&n);
    clean_up();
}

TEST(network_survives_memory_running_out_anywhere)
{
    struct network n = {0};
    struct platoon_err err;
    enum platoon_status st = PLATOON_ENOMEM;
    size_t nth;

    write_all();
    for (nth = 1; st != PLATOON_OK && nth < 1000; nth++) {
        mem_fail_from(nth);
        st = read_it(NULL, &n, &err);
        mem_fail_from(0);
        if (st != PLATOON_OK && st != PLATOON_ENOMEM)
            fail_msg("%d, \"%s\"", st, err.message);
    }
    assert_true(st == PLATOON_OK && nth > 20);
    network_release(&n);
    clean_up();
}
