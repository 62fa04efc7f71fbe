/* SPDX-License-Identifier: Apache-2.0 */
/* reproduce.c - how to do it again: versions, hashes, machines, the command, the file itself; and
 * how the numbers were made. */
#include <stdlib.h>
#include <string.h>

#include "report/tables.h"

enum { PATH_COLUMNS = 200, MAX_INPUTS = 200 };

static void item_open(struct page *p, const char *name)
{
    buf_printf(p->out, "<dt>%s</dt><dd>", name);
}

static void item_close(struct page *p)
{
    buf_text(p->out, "</dd>\n");
}

static void put_list(struct page *p, const char *const *texts, size_t n, size_t most)
{
    for (size_t i = 0; i < n && i < most; i++) {
        buf_text(p->out, i ? SAY(p, ", ", "、") : "");
        html_text_cut(p->out, texts[i], PATH_COLUMNS);
    }
    if (n > most)
        buf_printf(p->out, SAY(p, " and %zu more", "，另有 %zu 个"), n - most);
}

static void put_facts(struct page *p)
{
    const struct report *r = p->report;

    buf_text(p->out, "<dl>\n");
    item_open(p, SAY(p, "Command", "命令"));
    buf_text(p->out, "<code>");
    html_text(p->out, r->command);
    buf_text(p->out, "</code>");
    item_close(p);
    item_open(p, "Platoon");
    html_text(p->out, platoon_version());
    item_close(p);
    if (r->n_sumo_versions) {
        item_open(p, "SUMO");
        put_list(p, r->sumo_versions, r->n_sumo_versions, r->n_sumo_versions);
        item_close(p);
    }
    item_open(p, SAY(p, "Campaign file", "实验文件"));
    html_text_cut(p->out, r->file_path, PATH_COLUMNS);
    buf_text(p->out, "<br/><span class=\"hash\">SHA-256 ");
    html_text(p->out, r->file_sha256);
    buf_text(p->out, "</span>");
    item_close(p);
    if (r->n_hashes) {
        item_open(
            p, SAY(p, "What the runs read (inputs_sha256)", "运行所读文件的哈希（inputs_sha256）"));
        for (size_t i = 0; i < r->n_hashes; i++) {
            buf_printf(p->out, "%s<span class=\"hash\">", i ? "<br/>" : "");
            html_text_cut(p->out, r->hashes[i], PATH_COLUMNS);
            buf_text(p->out, "</span>");
        }
        item_close(p);
    }
    if (r->n_workers) {
        item_open(p, SAY(p, "Workers", "worker"));
        put_list(p, r->workers, r->n_workers, REPORT_MAX_WORKERS);
        item_close(p);
    }
    buf_text(p->out, "</dl>\n");
}

static void put_inputs(struct page *p)
{
    static const struct tables_head heads[] = {{"File", "文件"}, {"SHA-256", "SHA-256"}};
    size_t n = platoon_len(p->report->inputs);
    platoon_value *key, *child;

    if (n == 0)
        return;
    tables_open(p);
    buf_text(p->out, SAY(p,
                         "Input files as they are now; with “…”, all files that a "
                         "configuration reads, together.",
                         "当前的输入文件；带“…”的为该配置读取的全部文件。"));
    if (p->report->n_input_points < page_points(p))
        buf_printf(p->out, SAY(p, " Of the first %zu design points.", "前 %zu 个设计点的文件。"),
                   p->report->n_input_points);
    if (n > MAX_INPUTS)
        buf_printf(p->out, SAY(p, " The first %d of %zu.", "共 %2$zu 个，列出前 %1$d 个。"),
                   MAX_INPUTS, n);
    tables_begin(p, heads, 2, 2);
    for (size_t i = 0; i < MAX_INPUTS && platoon_dict_entry(p->report->inputs, i, &key, &child);
         i++) {
        const char *hash = platoon_as_str(child, NULL);

        buf_text(p->out, "<tr><th scope=\"row\">");
        html_text_cut(p->out, platoon_as_str(key, NULL), PATH_COLUMNS);
        buf_text(p->out, "</th><td class=\"hash\">");
        html_text(p->out, hash && *hash ? hash : SAY(p, "not here", "本机没有"));
        buf_text(p->out, "</td></tr>\n");
    }
    tables_close(p);
}

static void put_file(struct page *p)
{
    const char *text = p->report->file_text ? p->report->file_text : "";
    size_t len = strlen(text);
    char *head = len > REPORT_MAX_FILE_BYTES ? strndup(text, REPORT_MAX_FILE_BYTES) : NULL;

    buf_printf(p->out, "<h3>%s</h3>\n<pre tabindex=\"0\">",
               SAY(p, "The campaign file", "实验文件全文"));
    html_text(p->out, head ? head : len > REPORT_MAX_FILE_BYTES ? "" : text);
    buf_text(p->out, "</pre>\n");
    if (len > REPORT_MAX_FILE_BYTES) {
        page_note_open(p);
        buf_printf(p->out,
                   SAY(p, "The first %d of its %zu bytes.", "共 %2$zu 字节，此处为前 %1$d 字节。"),
                   REPORT_MAX_FILE_BYTES, len);
        page_note_close(p);
    }
    free(head);
}

static void put_method(struct page *p)
{
    buf_printf(p->out, "<h3>%s</h3>\n<p>", SAY(p, "How the numbers are made", "数值的计算方法"));
    buf_text(p->out,
             SAY(p,
                 "Intervals are Student t intervals of the mean of independent runs, one a seed, "
                 "with 95 % confidence. ",
                 "区间为相互独立的运行（每个种子一次）均值的学生 t 区间，置信度 95 %。"));
    if (page_arms(p) > 1)
        buf_text(
            p->out,
            SAY(p,
                "Arms ran with the same seeds and are compared pair by pair; p-values are of "
                "no difference, corrected by Holm's method over all comparisons of a metric. "
                "Correlation is between the arms of a pair; a variance ratio below 1 says that "
                "common seeds made the comparison sharper. ",
                "各方案使用相同的种子，逐对比较；p 值针对“没有差异”的假设，"
                "并在同一指标的全部比较中按 Holm 方法校正。"
                "相关系数为成对运行之间的相关；"
                "方差比小于 1 表示共同种子使比较更精确。"));
    buf_text(p->out, SAY(p, "Runs that failed have no figures.", "失败的运行没有数据。"));
    buf_text(p->out, "</p>\n");
}

void page_reproduce(struct page *p)
{
    put_facts(p);
    put_method(p);
    put_inputs(p);
    put_file(p);
}
