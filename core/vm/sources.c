#include "vm/sources.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define DEPTH_CEILING 16
#define PATH_CEILING 8192 /* above PATH_MAX: a path the kernel accepts always fits */

typedef struct walker {
  cal_sources *sources;
  const cal_generation_root *root;
  size_t root_index;
  size_t room;
} walker;

static char *join(const char *left, const char *glue, const char *right) {
  cal_buf buf;
  cal_buf_init(&buf, PATH_CEILING);
  if (left && *left) cal_buf_format(&buf, "%s%s", left, glue);
  cal_buf_text(&buf, right);
  return cal_buf_take(&buf);
}

/* The last part of a folder's path: messages stay short and do not depend on where the tree lies. */
static char *last_part(const char *dir) {
  size_t bytes = strlen(dir);
  while (bytes > 1 && dir[bytes - 1] == '/') bytes--;
  size_t start = bytes;
  while (start > 0 && dir[start - 1] != '/') start--;
  return cal_strndup(dir + start, bytes - start);
}

static int is_good_part(const char *part, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (!isalnum((unsigned char)part[i]) && part[i] != '_' && part[i] != '-') return 0;
  return bytes > 0;
}

static char *module_name(const char *prefix, const char *stem) {
  if (strcmp(stem, "init") == 0) return cal_strdup(prefix);
  return join(prefix, ".", stem);
}

/* Reads one file under its ceiling into the source, or says in source->error why not. */
static void read_file(cal_source *source) {
  int file = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat about;
  if (file < 0 || fstat(file, &about) < 0) {
    source->error = join(NULL, "", strerror(errno));
  } else if (!S_ISREG(about.st_mode)) {
    source->error = cal_strdup("not a regular file");
  } else {
    /* One byte more than allowed, so that a file growing under our hands is noticed as too large. */
    source->text = cal_alloc(CAL_GENERATION_FILE_BYTES + 1);
    ssize_t got = 0;
    while (source->bytes <= CAL_GENERATION_FILE_BYTES &&
           (got = read(file, source->text + source->bytes, CAL_GENERATION_FILE_BYTES + 1 - source->bytes)) >
               0)
      source->bytes += (size_t)got;
    if (got < 0)
      source->error = join(NULL, "", strerror(errno));
    else if (source->bytes > CAL_GENERATION_FILE_BYTES)
      source->error = cal_strdup("the file is over 1 MiB");
    else
      source->text = cal_resize(source->text, source->bytes + 1);
  }
  if (file >= 0) close(file);
}

/* Takes the name; NULL when there is no room. */
static cal_source *add_source(walker *walk, char *name, const char *path, const char *label) {
  cal_sources *sources = walk->sources;
  if (sources->count == CAL_GENERATION_MODULES) {
    cal_fail(-E2BIG, "more than %d Lua files below the folders of the workspace", CAL_GENERATION_MODULES);
    cal_free(name);
    return NULL;
  }
  if (sources->count == walk->room) {
    walk->room = walk->room ? walk->room * 2 : 64;
    sources->list = cal_resize(sources->list, walk->room * sizeof *sources->list);
  }
  cal_source *source = &sources->list[sources->count++];
  *source = (cal_source){
      .name = name, .path = cal_strdup(path), .label = cal_strdup(label), .root = walk->root_index};
  return source;
}

static int add_file(walker *walk, const char *path, const char *label, const char *prefix, const char *file) {
  size_t stem_bytes = strlen(file) - strlen(".lua");
  char *stem = cal_strndup(file, stem_bytes);
  cal_source *source = add_source(walk, module_name(prefix, stem), path, label);
  if (!source) {
    cal_free(stem);
    return -E2BIG;
  }
  if (!is_good_part(stem, stem_bytes))
    source->error = cal_strdup("a module's file name has only letters, digits, '_' and '-' before .lua");
  else if (!*source->name)
    source->error = cal_strdup("init.lua at the top of this folder would have no name");
  else
    read_file(source);
  cal_free(stem);
  return 0;
}

static int add_text(walker *walk) {
  const cal_generation_root *root = walk->root;
  cal_source *source = add_source(walk, cal_strdup(root->prefix), root->dir, root->dir);
  if (!source) return -E2BIG;
  source->bytes = strlen(root->text);
  source->text = cal_strdup(root->text);
  return 0;
}

static int is_lua_file(const char *name) {
  size_t bytes = strlen(name);
  return bytes > 4 && strcmp(name + bytes - 4, ".lua") == 0;
}

static int walk_folder(walker *walk, const char *dir, const char *label, const char *prefix, int depth);

static int walk_entry(walker *walk, const char *dir, const char *label, const char *prefix, int depth,
                      const char *name) {
  if (depth == 0 && walk->root->only && strcmp(name, walk->root->only) != 0) return 0;
  char *path = join(dir, "/", name);
  char *below = join(label, "/", name);
  struct stat about;
  int code = 0;
  /* Links to folders are not followed (they could lead in circles); links to files are. */
  if (lstat(path, &about) < 0) {
    code = 0; /* gone since the folder was listed: the next build will not see it either */
  } else if (S_ISDIR(about.st_mode)) {
    int is_left_out = depth == 0 && walk->root->except && strcmp(name, walk->root->except) == 0;
    char *deeper = join(prefix, ".", name);
    if (!is_left_out && is_good_part(name, strlen(name)))
      code = walk_folder(walk, path, below, deeper, depth + 1);
    cal_free(deeper);
  } else if (is_lua_file(name)) {
    code = add_file(walk, path, below, prefix, name);
  }
  cal_free(below);
  cal_free(path);
  return code;
}

static int is_wanted(const struct dirent *entry) { return entry->d_name[0] != '.'; }
static int by_bytes(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_folder(walker *walk, const char *dir, const char *label, const char *prefix, int depth) {
  if (depth > DEPTH_CEILING) return cal_fail(-E2BIG, "%s: folders nested deeper than %d", dir, DEPTH_CEILING);
  struct dirent **entries = NULL;
  int count = scandir(dir, &entries, is_wanted, by_bytes);
  if (count < 0) {
    if (depth == 0 && (errno == ENOENT || errno == ENOTDIR)) return 0;
    return cal_fail(-EIO, "%s: %s", dir, strerror(errno));
  }
  int code = 0;
  for (int i = 0; i < count; i++) {
    if (code == 0) code = walk_entry(walk, dir, label, prefix, depth, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
  return code;
}

static int by_name(const void *left, const void *right) {
  const cal_source *a = left, *b = right;
  int order = strcmp(a->name, b->name);
  if (order == 0 && a->root != b->root) order = a->root < b->root ? -1 : 1;
  return order ? order : strcmp(a->path, b->path);
}

static void free_source(cal_source *source) {
  cal_free(source->name);
  cal_free(source->path);
  cal_free(source->label);
  cal_free(source->text);
  cal_free(source->error);
}

/* Of several files with one name the first stays. Two in one root are somebody's mistake and are told; a
 * later root's file is meant to be replaced. */
static void settle_names(cal_sources *sources) {
  size_t kept = 0;
  for (size_t i = 0; i < sources->count; i++) {
    cal_source *source = &sources->list[i];
    cal_source *before = kept ? &sources->list[kept - 1] : NULL;
    if (!before || strcmp(before->name, source->name) != 0) {
      sources->list[kept++] = *source;
      continue;
    }
    if (before->root == source->root && !before->error) {
      cal_buf text;
      cal_buf_init(&text, 2 * PATH_CEILING);
      cal_buf_format(&text, "%s and %s are both module '%s'", before->label, source->label, source->name);
      before->error = cal_buf_take(&text);
    }
    free_source(source);
  }
  sources->count = kept;
}

int cal_sources_read(cal_sources *sources, const cal_generation_root *roots, size_t root_count) {
  *sources = (cal_sources){0};
  walker walk = {.sources = sources};
  int code = 0;
  for (size_t i = 0; i < root_count && code == 0; i++) {
    char *label = last_part(roots[i].dir);
    walk.root = &roots[i];
    walk.root_index = i;
    code = roots[i].text ? add_text(&walk)
                         : walk_folder(&walk, roots[i].dir, label, roots[i].prefix ? roots[i].prefix : "", 0);
    cal_free(label);
  }
  if (code < 0) {
    cal_sources_free(sources);
    return code;
  }
  if (sources->count) qsort(sources->list, sources->count, sizeof *sources->list, by_name);
  settle_names(sources);
  return 0;
}

void cal_sources_free(cal_sources *sources) {
  for (size_t i = 0; i < sources->count; i++) free_source(&sources->list[i]);
  cal_free(sources->list);
  *sources = (cal_sources){0};
}
