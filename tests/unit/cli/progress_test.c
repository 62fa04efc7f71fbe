/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "cli/progress.h"

static const uint64_t s_ns = 1000000000u;

static struct progress begin(uint64_t total)
{
    struct progress p;

    progress_init(&p, "demo", total, s_ns);
    return p;
}

static void assert_line(const struct progress *p, uint64_t now_ns, const char *wanted)
{
    char line[256];

    progress_format(p, now_ns, 200, line, sizeof line);
    assert_string_equal(line, wanted);
}

TEST(progress_shows_no_rate_before_it_knows_one)
{
    struct progress p = begin(20);

    assert_line(&p, s_ns, "demo  [>                       ] 0/20");
    progress_update(&p, 1, 0, 2, 2 * s_ns);
    assert_line(&p, 60 * s_ns, "demo  [=>                      ] 1/20  2 workers");
    progress_end(&p);
}

TEST(progress_rate_and_eta_come_from_recent_completions)
{
    struct progress p = begin(1000);

    /* A hundred in a long first minute, then two a second. */
    progress_update(&p, 100, 0, 0, 61 * s_ns);
    for (uint64_t i = 1; i <= 100; i++)
        progress_update(&p, 100 + 2 * i, 3, 1, (61 + i) * s_ns);
    assert_line(&p, 161 * s_ns,
                "demo  [=======>                ] 300/1000  3 failed  2.0/s  eta 5m50s  1 worker");
    progress_end(&p);
}

TEST(progress_full_bar_has_no_arrow_and_eta_zero)
{
    struct progress p = begin(4);

    progress_update(&p, 2, 0, 0, 5 * s_ns);
    progress_update(&p, 4, 0, 0, 9 * s_ns);
    assert_line(&p, 9 * s_ns, "demo  [========================] 4/4  0.5/s  eta 0.0s");
    assert_line(&p, 17 * s_ns, "demo  [========================] 4/4  15.0/min  eta 0.0s");
    progress_end(&p);
}

TEST(progress_counts_for_the_rate_only_what_it_saw)
{
    struct progress p = begin(120);

    progress_start_from(&p, 80, s_ns);
    p.running = 2;
    for (uint64_t i = 1; i <= 10; i++)
        progress_update(&p, 80 + i, 0, 0, (1 + i) * s_ns);
    assert_line(&p, 11 * s_ns,
                "demo  [==================>     ] 90/120  2 running  1.0/s  eta 30s");
    progress_end(&p);
}

TEST(progress_is_cut_to_the_width)
{
    struct progress p = begin(4);
    char line[256];

    progress_format(&p, s_ns, 10, line, sizeof line);
    assert_string_equal(line, "demo  [>  ");
    progress_end(&p);
}
