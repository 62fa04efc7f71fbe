/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_report.c - `platoon report`: a campaign's answer as one HTML file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/campaign.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/report_source.h"
#include "cli/talk.h"

enum { OPT_FOLDER = 1, OPT_OUTPUT, OPT_LANG, OPT_METRIC };

static const struct cmd_option option_table[] = {
    {OPT_OUTPUT, "output", "FILE",
     "or -o FILE: where to write it (default: report.html in\n"
     "the campaign's folder)"},
    {OPT_FOLDER, "folder", "DIR", "where its runs are kept (default:\n./platoon-data/NAME)"},
    {OPT_METRIC, "metric", "NAME", "the metric that the report is about (default: the first)"},
    {OPT_LANG, "lang", "en|zh",
     "English or Chinese (default: as LC_ALL, LC_MESSAGES\n"
     "or LANG say)"},
    {0},
};

static int run(int argc, char **argv);

const struct cmd cmd_report = {
    .name = "report",
    .summary = "write a campaign's answer as an HTML page",
    .usage = "FILE.yaml [OPTION]...",
    .about = "Write what a campaign has found so far as one HTML file: the question, the verdict "
             "with its\n"
             "uncertainty, charts, tables, the runs that failed, and how to do it again. The file "
             "needs\n"
             "nothing else: it can be sent, printed, and read offline. Nothing is run.\n",
    .options = option_table,
    .after = "examples:\n"
             "  platoon report examples/campaigns/ramp_metering.yaml\n"
             "  platoon report sweep.yaml -o sweep.html --lang zh\n",
    .run = run,
};

struct report_args {
    const char *file, *folder, *output, *metric, *language;
};

/* Of the first variable that is set, as POSIX has it. */
static enum verdict_language language_of(const char *named)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; !named && i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);

        named = value && *value ? value : NULL;
    }
    return named && strncmp(named, "zh", 2) == 0 ? VERDICT_CHINESE : VERDICT_ENGLISH;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum platoon_status write_all(int fd, const struct buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(fd, b->data + at, b->len - at);

        if (n < 0 && errno != EINTR)
            return PLATOON_EIO;
        at += n > 0 ? (size_t)n : 0;
    }
    return PLATOON_OK;
}

/* Under a name of its own first, so that whoever opens `path` finds a whole report, old or new. */
static enum platoon_status write_file(const char *path, const struct buf *b,
                                      struct platoon_err *err)
{
    char *temporary;
    mode_t mask = umask(0);
    int fd;

    (void)umask(mask); /* there is no other way to ask for it */
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return platoon_fail(err, PLATOON_ENOMEM, "out of memory");
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", path, strerror(errno));
        free(temporary);
        return PLATOON_EIO;
    }
    err->status = write_all(fd, b);
    if (err->status == PLATOON_OK && fchmod(fd, 0666 & ~mask) != 0)
        err->status = PLATOON_EIO;
    if (err->status == PLATOON_OK && fsync(fd) != 0)
        err->status = PLATOON_EIO;
    if (close(fd) != 0 && err->status == PLATOON_OK)
        err->status = PLATOON_EIO;
    if (err->status == PLATOON_OK && rename(temporary, path) != 0)
        err->status = PLATOON_EIO;
    if (err->status != PLATOON_OK) {
        platoon_fail(err, PLATOON_EIO, "cannot write %s: %s", path, strerror(errno));
        (void)unlink(temporary); /* what cannot be written may not be there */
    }
    free(temporary);
    return err->status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int fail(const struct platoon_err *err)
{
    talk_error("%s", err->message);
    return CMD_FAILED;
}

static int write_report(const struct campaign *c, struct report_source *source,
                        const struct report_args *args)
{
    char *path =
        args->output ? strdup(args->output) : campaign_folder_join(&c->folder, "report.html");
    struct platoon_err err = {0};
    struct buf page;
    int exit_code = CMD_OK;

    buf_init(&page);
    if (!path || report_write(&source->report, &page) != PLATOON_OK)
        platoon_fail(&err, PLATOON_ENOMEM, "out of memory");
    else
        (void)write_file(path, &page, &err); /* it is in `err` */
    if (err.status != PLATOON_OK)
        exit_code = fail(&err);
    else
        printf("%s\n", path);
    buf_release(&page);
    free(path);
    return exit_code;
}

static int report(const struct report_args *args)
{
    struct campaign c = {0};
    struct report_source source = {0};
    struct platoon_err err;
    int exit_code;

    if (campaign_open(&c, args->file, args->folder, CAMPAIGN_READ, &err) != PLATOON_OK ||
        report_source_gather(&source, &c, args->file, args->folder, &err) != PLATOON_OK) {
        exit_code = fail(&err);
    } else if (args->metric && tally_find_metric(c.tally, args->metric) == TALLY_MAX_METRICS) {
        talk_error("no run has the metric '%s'", args->metric);
        exit_code = CMD_FAILED;
    } else {
        source.report.metric = args->metric ? tally_find_metric(c.tally, args->metric) : 0;
        source.report.language = language_of(args->language);
        exit_code = write_report(&c, &source, args);
    }
    report_source_release(&source);
    campaign_release(&c);
    return exit_code;
}

static int run(int argc, char **argv)
{
    struct report_args args = {0};
    struct options o;

    options_init(&o, &cmd_report, argc, argv);
    for (int id; (id = options_next(&o)) != OPTION_END;) {
        if (id == OPTION_EXIT)
            return o.exit_code;
        if (id == OPTION_OPERAND && args.file) {
            options_fail(&o, "one campaign at a time, not also '%s'", o.value);
            return o.exit_code;
        }
        if (id == OPT_LANG && strcmp(o.value, "en") != 0 && strcmp(o.value, "zh") != 0) {
            options_fail(&o, "--lang is en or zh, not '%s'", o.value);
            return o.exit_code;
        }
        *(id == OPT_FOLDER   ? &args.folder
          : id == OPT_OUTPUT ? &args.output
          : id == OPT_METRIC ? &args.metric
          : id == OPT_LANG   ? &args.language
                             : &args.file) = o.value;
    }
    if (!args.file) {
        options_fail(&o, "name a campaign file; examples are in examples/campaigns");
        return o.exit_code;
    }
    return report(&args);
}
