/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/campaign_precision.h"

#include <math.h>
#include <stdlib.h>

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

bool replications_init(struct campaign_replications *r, const struct campaign *c, unsigned slots)
{
    size_t n_points = plan_points(c->file.plan);

    *r = (struct campaign_replications){.campaign = c, .slots = slots ? slots : 1};
    r->points = calloc(n_points, sizeof *r->points);
    if (!r->points)
        return false;
    for (size_t i = 0; i < n_points; i++) {
        r->points[i].is_settled = !c->file.precision.is_wanted;
        r->points[i].n_wanted = r->points[i].is_settled ? c->file.n_seeds : c->file.precision.min_n;
    }
    r->n_open = c->file.precision.is_wanted ? n_points : 0;
    return true;
}

void replications_release(struct campaign_replications *r)
{
    free(r->points);
    *r = (struct campaign_replications){0};
}

bool replications_want(const struct campaign_replications *r, size_t index)
{
    struct plan_place at = plan_place_of(r->campaign->file.plan, index);

    return at.replication < r->points[at.point].n_wanted;
}

const struct precision_point *replications_widest(const struct campaign_replications *r,
                                                  bool only_open)
{
    const struct precision_point *widest = NULL;

    for (size_t i = 0; i < plan_points(r->campaign->file.plan); i++) {
        const struct precision_point *p = &r->points[i];

        if (!(only_open && p->is_settled) && isfinite(p->half_width) && p->target > 0 &&
            (!widest || p->half_width * widest->target > widest->half_width * p->target))
            widest = p;
    }
    return widest;
}

/* Has every arm ended this replication of the point? */
static bool is_complete(const struct campaign *c, size_t point, size_t replication)
{
    size_t n_arms = plan_arms(c->file.plan);
    size_t first = (replication * plan_points(c->file.plan) + point) * n_arms;

    for (size_t arm = 0; arm < n_arms; arm++)
        if (tally_state_of(c->tally, first + arm) == TALLY_MISSING)
            return false;
    return true;
}

/* The half-width of the arm that is furthest from its target, and what it is a share of. */
static enum platoon_status worst_arm(const struct campaign *c, size_t point, size_t n,
                                     double *out_half_width, double *out_reference)
{
    const struct campaign_precision *p = &c->file.precision;
    double worst = -1;

    for (size_t arm = p->of_difference; arm < plan_arms(c->file.plan); arm++) {
        struct tally_comparison comparison;
        struct tally_cell cell;
        enum platoon_status st;
        double half_width, reference, excess;

        if (p->of_difference)
            st = tally_compare(c->tally, point, arm, p->metric, n, &comparison);
        else
            st = tally_cell(c->tally, point, arm, p->metric, n, &cell);
        if (st != PLATOON_OK)
            return st;
        half_width = p->of_difference ? comparison.paired.half_width : cell.half_width;
        reference = p->of_difference ? comparison.base_mean : cell.sample.mean;
        excess = p->is_relative ? half_width / fabs(reference) : half_width;
        if (isnan(excess))
            excess = INFINITY; /* not known: far away */
        if (excess > worst) {
            worst = excess;
            *out_half_width = half_width;
            *out_reference = reference;
        }
    }
    return PLATOON_OK;
}

/* All looks that can be made at one point now. */
static enum platoon_status look_at(struct campaign_replications *r, size_t index)
{
    const struct campaign *c = r->campaign;
    const struct campaign_precision *p = &c->file.precision;
    const struct stats_target target = {.half_width = p->half_width,
                                        .is_relative = p->is_relative,
                                        .min_n = p->min_n,
                                        .max_n = c->file.n_seeds};
    struct precision_point *point = &r->points[index];

    while (!point->is_settled && point->n_looked < c->file.n_seeds &&
           is_complete(c, index, point->n_looked)) {
        double half_width = NAN, reference = NAN;
        enum platoon_status st;

        if (++point->n_looked < p->min_n)
            continue;
        st = worst_arm(c, index, point->n_looked, &half_width, &reference);
        if (st != PLATOON_OK)
            return st;
        point->half_width = half_width;
        point->target = p->is_relative ? p->half_width * fabs(reference) : p->half_width;
        point->is_settled = stats_look(&target, point->n_looked, half_width, reference,
                                       &point->precise_looks) != STATS_GO_ON;
        r->n_open -= point->is_settled;
    }
    return PLATOON_OK;
}

enum platoon_status replications_look(struct campaign_replications *r, bool *out_more)
{
    const struct campaign *c = r->campaign;
    size_t n_points = plan_points(c->file.plan), n_arms = plan_arms(c->file.plan), ahead;

    *out_more = false;
    if (r->n_open == 0)
        return PLATOON_OK;
    for (size_t i = 0; i < n_points; i++) {
        enum platoon_status st = look_at(r, i);

        if (st != PLATOON_OK)
            return st;
    }
    if (r->n_open == 0)
        return PLATOON_OK;
    ahead = 1 + 2 * r->slots / (n_arms * r->n_open);
    for (size_t i = 0; i < n_points; i++) {
        struct precision_point *point = &r->points[i];
        size_t n_wanted = at_most(point->n_looked + ahead, c->file.n_seeds);

        if (!point->is_settled && point->n_looked >= c->file.precision.min_n &&
            n_wanted > point->n_wanted) {
            point->n_wanted = n_wanted;
            *out_more = true;
        }
    }
    return PLATOON_OK;
}
