/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.c - see verdict.h. */
#include "campaign/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define LEVEL (1 - TALLY_CONFIDENCE)

/* --- finding ---------------------------------------------------------------------------------- */

/* Is it told apart from no difference? By the interval where it is the only one; adjusted where
 * there are several. */
static bool is_told_apart(const struct tally_comparison *c, size_t n_comparisons)
{
    return n_comparisons == 1 ? c->paired.p_value < LEVEL : c->adjusted_p < LEVEL;
}

static double share(const struct tally_comparison *c)
{
    double s = fabs(c->paired.mean_difference / c->base_mean);

    return isfinite(s) ? s : fabs(c->paired.mean_difference);
}

static enum verdict_kind judge_one(const struct tally_comparison *c)
{
    if (c->paired.n == 0)
        return VERDICT_NOTHING;
    if (c->is_refused)
        return VERDICT_REFUSED;
    if (c->paired.n < VERDICT_MIN_RUNS)
        return VERDICT_TOO_FEW;
    return is_told_apart(c, 1) ? VERDICT_EFFECT : VERDICT_NO_EFFECT;
}

static void judge_several(const struct tally_comparison *all, size_t n, struct verdict *v)
{
    double largest = -1;

    v->kind = VERDICT_COMPARISONS;
    for (size_t i = 0; i < n; i++) {
        bool is_clear = all[i].paired.n >= VERDICT_MIN_RUNS && is_told_apart(&all[i], n);

        v->n_undecided += !is_clear;
        v->n_lower += is_clear && all[i].paired.mean_difference < 0;
        v->n_higher += is_clear && all[i].paired.mean_difference > 0;
        if (is_clear && share(&all[i]) > largest) {
            largest = share(&all[i]);
            v->largest = all[i];
        }
    }
}

static enum platoon_status judge_means(const struct tally *t, const struct campaign_plan *plan,
                                       size_t metric, struct verdict *v)
{
    double low = INFINITY, high = -INFINITY;
    size_t most = 0;
    bool is_refused = false;

    for (size_t i = 0; i < plan_points(plan); i++) {
        struct tally_cell cell;
        enum platoon_status st = tally_cell(t, i, 0, metric, TALLY_ALL, &cell);

        if (st != PLATOON_OK)
            return st;
        most = cell.sample.n > most ? cell.sample.n : most;
        is_refused |= cell.is_refused;
        if (cell.sample.n && cell.sample.mean < low)
            low = cell.sample.mean, v->low_point = i;
        if (cell.sample.n && cell.sample.mean > high)
            high = cell.sample.mean, v->high_point = i;
    }
    v->kind = most == 0                 ? VERDICT_NOTHING
              : is_refused              ? VERDICT_REFUSED
              : most < VERDICT_MIN_RUNS ? VERDICT_TOO_FEW
                                        : VERDICT_MEAN;
    return PLATOON_OK;
}

enum platoon_status verdict_find(const struct tally *t, const struct campaign_plan *plan,
                                 size_t metric, struct verdict *out)
{
    struct tally_comparison *all = NULL;
    size_t n = 0, n_pairs = 0;
    enum platoon_status st;

    *out = (struct verdict){.kind = VERDICT_NOTHING, .n_stopped_early = tally_n_stopped_early(t)};
    if (metric >= tally_n_metrics(t))
        return PLATOON_OK;
    if (plan_arms(plan) == 1)
        return judge_means(t, plan, metric, out);
    st = tally_compare_all(t, metric, &all, &n);
    if (st != PLATOON_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        n_pairs += all[i].paired.n;
    if (n == 1) {
        out->largest = all[0];
        out->kind = judge_one(&all[0]);
    } else if (n_pairs) {
        judge_several(all, n, out);
    }
    free(all);
    return PLATOON_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

const char *verdict_number(double x, bool with_sign, char out[VERDICT_NUMBER])
{
    int decimals = 3;
    double size = fabs(x);

    if (isnan(x)) {
        strcpy(out, "-");
        return out;
    }
    if (x == 0) {
        strcpy(out, "0");
        return out;
    }
    while (decimals > 0 && size >= 10)
        size /= 10, decimals--;
    if (fabs(x) < 0.1)
        (void)snprintf(out, VERDICT_NUMBER, with_sign ? "%+.3g" : "%.3g", x);
    else
        (void)snprintf(out, VERDICT_NUMBER, with_sign ? "%+.*f" : "%.*f", decimals, x);
    return out;
}

char *verdict_point_text(const struct campaign_plan *plan, size_t point)
{
    const platoon_value *params = plan_point(plan, point);
    platoon_value *key, *child;
    struct buf b;

    buf_init(&b);
    for (size_t i = 0; platoon_dict_entry(params, i, &key, &child); i++) {
        char *text = platoon_as_str(child, NULL) ? NULL : platoon_json(child);

        buf_printf(&b, "%s%s=%s", i ? " " : "", platoon_as_str(key, NULL),
                   platoon_as_str(child, NULL) ? platoon_as_str(child, NULL)
                   : text                      ? text
                                               : "?");
        free(text);
    }
    if (b.len == 0)
        buf_text(&b, "");
    return buf_take_text(&b, NULL);
}

static const char *p_text(double p, char out[VERDICT_NUMBER])
{
    if (p < 0.001)
        strcpy(out, "p < 0.001");
    else
        (void)snprintf(out, VERDICT_NUMBER, "p = %.2g", p); /* fits */
    return out;
}

/* "better", "worse", or nothing where nobody said which way is good, or where the difference may
 * come from figures of a shorter time. */
static const char *judgement(const struct verdict *v, const struct tally_metric *m,
                             double difference, bool is_chinese)
{
    bool is_better = (difference < 0) == (m->better == TALLY_LOWER);

    if (m->better == TALLY_NEITHER || difference == 0 || v->n_stopped_early)
        return "";
    if (is_chinese)
        return is_better ? "，即更好" : "，即更差";
    return is_better ? ", which is better" : ", which is worse";
}

/* " veh h (11.6 %; ...)": what follows a difference. */
static void put_interval(struct buf *b, const struct tally_comparison *c,
                         const struct tally_metric *m, double p, bool is_chinese)
{
    const struct stats_paired *d = &c->paired;
    char low[VERDICT_NUMBER], high[VERDICT_NUMBER], p_word[VERDICT_NUMBER];

    if (m->unit[0])
        buf_printf(b, " %s", m->unit);
    buf_printf(b, is_chinese ? "（" : " (");
    if (isfinite(d->mean_difference / c->base_mean))
        buf_printf(b, is_chinese ? "%+.1f %%，" : "%+.1f %%; ",
                   100 * d->mean_difference / fabs(c->base_mean));
    buf_printf(b,
               is_chinese ? "95 %% 置信区间 %s 至 %s，%zu 对运行，%s）"
                          : "95 %% interval %s to %s; %zu pairs of runs, %s)",
               verdict_number(d->mean_difference - d->half_width, true, low),
               verdict_number(d->mean_difference + d->half_width, true, high), d->n,
               p_text(p, p_word));
}

static void put_effect(struct buf *b, const struct verdict *v, const struct tally_metric *m,
                       const struct campaign_plan *plan, bool is_chinese)
{
    const struct tally_comparison *c = &v->largest;
    const char *arm = plan_arm_name(plan, c->arm), *base = plan_arm_name(plan, 0);
    double difference = c->paired.mean_difference;
    bool is_clear = v->kind == VERDICT_EFFECT;
    char number[VERDICT_NUMBER];

    verdict_number(difference, true, number);
    if (is_chinese)
        buf_printf(b,
                   is_clear ? "与 %s 相比，%s 使 %s 变化 %s"
                            : "与 %s 相比，未显示 %s 对 %s 有影响：差值 %s",
                   base, arm, m->name, number);
    else if (is_clear)
        buf_printf(b, "%s %s %s by %s", arm, difference < 0 ? "lowers" : "raises", m->name,
                   verdict_number(fabs(difference), false, number));
    else
        buf_printf(b, "no effect of %s on %s is shown: difference from %s %s", arm, m->name, base,
                   number);
    put_interval(b, c, m, c->paired.p_value, is_chinese);
    if (is_clear)
        buf_text(b, judgement(v, m, difference, is_chinese));
}

static void put_comparisons(struct buf *b, const struct verdict *v, const struct tally_metric *m,
                            const struct campaign_plan *plan, bool is_chinese)
{
    const struct tally_comparison *c = &v->largest;
    char number[VERDICT_NUMBER], *point;

    buf_printf(b,
               is_chinese
                   ? "%s 与 %s 的 %zu 个比较（Holm 校正，95 %%）：更低 %zu 个，更高 %zu "
                     "个，未能区分 %zu 个"
                   : "%s against %s in %zu comparisons (Holm's correction, 95 %%): lower in %zu, "
                     "higher in %zu, not told apart in %zu",
               m->name, plan_arm_name(plan, 0), v->n_lower + v->n_higher + v->n_undecided,
               v->n_lower, v->n_higher, v->n_undecided);
    if (v->n_lower + v->n_higher == 0)
        return;
    point = verdict_point_text(plan, c->point);
    buf_printf(b, is_chinese ? "；最大者：%s%s%s %s" : "; the largest: %s%s%s %s",
               plan_arm_name(plan, c->arm), point && *point ? (is_chinese ? "，" : " at ") : "",
               point ? point : "?", verdict_number(c->paired.mean_difference, true, number));
    put_interval(b, c, m, c->adjusted_p, is_chinese);
    buf_text(b, judgement(v, m, c->paired.mean_difference, is_chinese));
    free(point);
}

static void put_mean(struct buf *b, const struct tally *t, size_t metric, size_t point,
                     bool is_chinese)
{
    const struct tally_metric *m = tally_metric(t, metric);
    char mean[VERDICT_NUMBER], half[VERDICT_NUMBER];
    struct tally_cell cell;

    if (tally_cell(t, point, 0, metric, TALLY_ALL, &cell) != PLATOON_OK) {
        b->has_failed = true;
        return;
    }
    buf_printf(b, is_chinese ? "%s ± %s%s%s（95 %%，%zu 次运行）" : "%s ± %s%s%s (95 %%, %zu runs)",
               verdict_number(cell.sample.mean, false, mean),
               verdict_number(cell.half_width, false, half), m->unit[0] ? " " : "", m->unit,
               cell.sample.n);
}

static void put_means(struct buf *b, const struct verdict *v, const struct tally *t,
                      const struct campaign_plan *plan, size_t metric, bool is_chinese)
{
    const char *name = tally_metric(t, metric)->name;
    char *low, *high;

    if (plan_points(plan) == 1) {
        buf_printf(b, is_chinese ? "%s：" : "%s: ", name);
        put_mean(b, t, metric, 0, is_chinese);
        return;
    }
    if (v->low_point == v->high_point) { /* no mean is above another */
        buf_printf(
            b,
            is_chinese ? "%s 在所有设计点相同：" : "%s is the same at every design point: ", name);
        put_mean(b, t, metric, v->low_point, is_chinese);
        return;
    }
    low = verdict_point_text(plan, v->low_point);
    high = verdict_point_text(plan, v->high_point);
    buf_printf(b, is_chinese ? "%s 在 %s 最低：" : "%s is lowest at %s: ", name, low ? low : "?");
    put_mean(b, t, metric, v->low_point, is_chinese);
    buf_printf(b, is_chinese ? "，在 %s 最高：" : ", and highest at %s: ", high ? high : "?");
    put_mean(b, t, metric, v->high_point, is_chinese);
    free(low);
    free(high);
}

static void put_no_answer(struct buf *b, const struct verdict *v, const struct tally *t,
                          const struct campaign_plan *plan, size_t metric, bool is_chinese)
{
    const char *name = metric < tally_n_metrics(t) ? tally_metric(t, metric)->name
                       : is_chinese                ? "结果"
                                                   : "results";
    const char *unit = is_chinese            ? (plan_arms(plan) > 1 ? "对运行" : "次运行")
                       : plan_arms(plan) > 1 ? "pairs of runs"
                                             : "runs of a design point";

    if (v->kind == VERDICT_NOTHING)
        buf_printf(b,
                   is_chinese ? "没有结论：没有一次运行给出 %s" : "no answer: no run has given %s",
                   name);
    else if (v->kind == VERDICT_REFUSED)
        buf_printf(b,
                   is_chinese ? "没有结论：失败的运行太多，其余运行不能代表 %s"
                              : "no answer: too many runs failed for the others to stand for %s",
                   name);
    else
        buf_printf(b,
                   is_chinese ? "尚无结论：%s 至少需要 %d %s"
                              : "no answer yet: %s needs at least %d %s",
                   name, VERDICT_MIN_RUNS, unit);
}

/* A total of a run that was stopped is smaller than it would have become, so that what it is to
 * show may be the rule's doing. */
static void put_caution(struct buf *b, size_t n_stopped_early, bool is_chinese)
{
    if (n_stopped_early == 0)
        return;
    if (is_chinese)
        buf_printf(b, "；注意：%zu 次运行被提前终止，其数据只反映较短的时间", n_stopped_early);
    else
        buf_printf(b, "; mind that %zu run%s stopped early, with figures of a shorter time",
                   n_stopped_early, n_stopped_early == 1 ? " was" : "s were");
}

char *verdict_sentence(const struct verdict *v, const struct tally *t,
                       const struct campaign_plan *plan, size_t metric,
                       enum verdict_language language)
{
    bool is_chinese = language == VERDICT_CHINESE;
    struct buf b;

    buf_init(&b);
    switch (v->kind) {
    case VERDICT_NOTHING:
    case VERDICT_REFUSED:
    case VERDICT_TOO_FEW:
        put_no_answer(&b, v, t, plan, metric, is_chinese);
        break;
    case VERDICT_MEAN:
        put_means(&b, v, t, plan, metric, is_chinese);
        break;
    case VERDICT_EFFECT:
    case VERDICT_NO_EFFECT:
        put_effect(&b, v, tally_metric(t, metric), plan, is_chinese);
        break;
    case VERDICT_COMPARISONS:
        put_comparisons(&b, v, tally_metric(t, metric), plan, is_chinese);
        break;
    }
    put_caution(&b, v->n_stopped_early, is_chinese);
    return buf_take_text(&b, NULL);
}
