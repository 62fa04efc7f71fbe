/* SPDX-License-Identifier: Apache-2.0 */
/* xml_scan.c - expat, fed in chunks. Its own limits on amplification ("billion laughs") stay on. */
#include "sumo/xml_scan.h"

#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sumo/xml_source.h"

enum { CHUNK_BYTES = 64 << 10, TAIL_BYTES = 512 };

struct scan {
    XML_Parser parser;
    xml_element_fn on_element;
    void *arg;
    unsigned depth;
    bool stopped;
};

static void on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct scan *s = data;

    if (s->stopped)
        return;
    if (!s->on_element(name, (const char *const *)attributes, s->depth, s->arg)) {
        s->stopped = true;
        (void)XML_StopParser(s->parser, XML_FALSE); /* cannot fail inside a handler */
        return;
    }
    s->depth++;
}

static void on_end(void *data, const XML_Char *name)
{
    struct scan *s = data;

    (void)name;
    s->depth--;
}

static enum platoon_status feed(struct scan *s, struct xml_source *source, const char *path,
                                struct platoon_err *err)
{
    for (;;) {
        void *chunk = XML_GetBuffer(s->parser, CHUNK_BYTES);
        enum platoon_status st;
        size_t n;

        if (!chunk)
            return platoon_fail(err, PLATOON_ENOMEM, "no memory to read %s", path);
        if ((st = xml_source_read(source, chunk, CHUNK_BYTES, &n, err)) != PLATOON_OK)
            return st;
        if (XML_ParseBuffer(s->parser, (int)n, n == 0) != XML_STATUS_OK) {
            if (s->stopped)
                return PLATOON_OK;
            return platoon_fail(err, PLATOON_EPROTO, "%s:%lu:%lu: %s", path,
                                XML_GetCurrentLineNumber(s->parser),
                                XML_GetCurrentColumnNumber(s->parser) + 1,
                                XML_ErrorString(XML_GetErrorCode(s->parser)));
        }
        if (n == 0)
            return PLATOON_OK;
    }
}

enum platoon_status xml_scan(const char *path, xml_element_fn on_element, void *arg,
                             struct platoon_err *err)
{
    struct scan s = {.on_element = on_element, .arg = arg};
    struct xml_source *source;
    enum platoon_status st;

    if ((st = xml_source_open(path, XML_SOURCE_MAX_UNPACKED, &source, err)) != PLATOON_OK)
        return st;
    s.parser = XML_ParserCreate(NULL);
    if (!s.parser) {
        st = platoon_fail(err, PLATOON_ENOMEM, "no memory to read %s", path);
    } else {
        XML_SetUserData(s.parser, &s);
        XML_SetElementHandler(s.parser, on_start, on_end);
        st = feed(&s, source, path, err);
        XML_ParserFree(s.parser);
    }
    xml_source_close(source);
    return st;
}

const char *xml_attribute(const char *const *attributes, const char *name)
{
    for (; attributes[0]; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

double xml_number(const char *const *attributes, const char *name, double absent)
{
    const char *text = xml_attribute(attributes, name);
    char *end;
    double value;

    if (!text || !*text)
        return absent;
    value = strtod(text, &end); /* the program never sets LC_NUMERIC */
    return *end ? absent : value;
}

struct root_seen {
    char end_tag[128]; /* "</root>" */
    size_t len;
};

static bool note_root(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    struct root_seen *root = arg;
    size_t len = strlen(name);

    (void)attributes;
    (void)depth;
    if (len > sizeof root->end_tag - 4)
        len = sizeof root->end_tag - 4;
    root->end_tag[0] = '<';
    root->end_tag[1] = '/';
    memcpy(root->end_tag + 2, name, len);
    root->end_tag[2 + len] = '>';
    root->len = len + 3;
    return false;
}

static bool see_all(const char *name, const char *const *attributes, unsigned depth, void *arg)
{
    (void)name;
    (void)attributes;
    (void)depth;
    (void)arg;
    return true;
}

static enum platoon_status read_tail(const char *path, char *tail, size_t *out_len,
                                     struct platoon_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum platoon_status st = PLATOON_OK;
    struct stat info;
    ssize_t n = -1;

    if (fd < 0)
        return platoon_fail(err, PLATOON_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &info) == 0)
        n = pread(fd, tail, TAIL_BYTES, info.st_size > TAIL_BYTES ? info.st_size - TAIL_BYTES : 0);
    if (n < 0)
        st = platoon_fail(err, PLATOON_EIO, "%s: %s", path, strerror(errno));
    else
        *out_len = (size_t)n;
    (void)close(fd); /* only read from */
    return st;
}

enum platoon_status xml_check_end(const char *path, struct platoon_err *err)
{
    struct root_seen root = {.len = 0};
    char tail[TAIL_BYTES];
    size_t len = 0;
    enum platoon_status st = xml_scan(path, note_root, &root, err);

    if (st == PLATOON_OK)
        st = read_tail(path, tail, &len, err);
    if (st != PLATOON_OK)
        return st;
    while (len > 0 && (tail[len - 1] == '\n' || tail[len - 1] == '\r' || tail[len - 1] == ' '))
        len--;
    if (len >= root.len && memcmp(tail + len - root.len, root.end_tag, root.len) == 0)
        return PLATOON_OK;
    /* <root/>, or cut off just behind a child: the parser can tell. Rare, so the whole file is
     * read. */
    if (len >= 2 && memcmp(tail + len - 2, "/>", 2) == 0)
        return xml_scan(path, see_all, NULL, err);
    return platoon_fail(err, PLATOON_EPROTO, "%s ends before its %s", path, root.end_tag);
}
