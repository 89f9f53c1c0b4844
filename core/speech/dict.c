#include "speech/dict.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <flite/flite.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "speech/flite_setup.h"

#define PLACES (1u << 18)      /* twice the lines of the file: look-ups rarely collide */
#define LINES (PLACES * 3 / 4) /* more lines than this are refused, so that a look-up always ends */

struct cal_dict {
  const char *text; /* the mapped file */
  size_t bytes;
  uint32_t places[PLACES]; /* offset of a line + 1; 0 = free */
};

static const char *const phone_names[CAL_PHONES] = {
    "AA", "AE", "AH", "AO", "AW", "AY", "B",  "CH", "D", "DH", "EH", "ER", "EY",
    "F",  "G",  "HH", "IH", "IY", "JH", "K",  "L",  "M", "N",  "NG", "OW", "OY",
    "P",  "R",  "S",  "SH", "T",  "TH", "UH", "UW", "V", "W",  "Y",  "Z",  "ZH"};

const char *cal_dict_phone(int index) { return phone_names[index]; }

static uint32_t hash_of(const char *word, size_t bytes) { /* FNV-1a */
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ (unsigned char)word[i]) * 16777619u;
  return hash ^ (hash >> 15);
}

static size_t word_bytes(const char *line, const char *end) {
  const char *at = line;
  while (at < end && *at != ' ' && *at != '\t' && *at != '\n') at++;
  return (size_t)(at - line);
}

static void destroy(void *object) {
  cal_dict *dict = object;
  if (dict->text) munmap((void *)(uintptr_t)dict->text, dict->bytes);
}

static int index_lines(cal_dict *dict) {
  const char *end = dict->text + dict->bytes;
  size_t lines = 0;
  for (const char *line = dict->text; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop) stop = end;
    size_t bytes = word_bytes(line, stop);
    if (bytes && line + bytes < stop) {
      if (++lines > LINES) return cal_fail(-EINVAL, "the dictionary has more than %u lines", LINES);
      uint32_t place = hash_of(line, bytes) % PLACES;
      while (dict->places[place]) place = (place + 1) % PLACES;
      dict->places[place] = (uint32_t)(line - dict->text) + 1;
    }
    line = stop + 1;
  }
  if (!lines) return cal_fail(-EINVAL, "the dictionary has no words");
  return 0;
}

static int map_file(cal_dict *dict, const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return cal_fail(-errno, "the dictionary %s cannot be opened: %s", path, strerror(errno));
  struct stat about;
  int code = fstat(file, &about) ? -errno : 0;
  if (!code && (about.st_size <= 0 || about.st_size > INT32_MAX)) code = -EINVAL;
  if (!code) {
    void *text = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED) code = -errno;
    if (!code) dict->text = text, dict->bytes = (size_t)about.st_size;
  }
  close(file);
  return code ? cal_fail(code, "the dictionary %s cannot be read: %s", path, strerror(-code)) : 0;
}

static int open_file(cal_dict **result, const char *path) {
  cal_dict *dict = cal_ref_new(sizeof *dict, destroy);
  int code = map_file(dict, path);
  if (!code) code = index_lines(dict);
  if (code) {
    cal_unref(dict);
    return code;
  }
  *result = dict;
  return 0;
}

static int is_same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int cal_dict_open(cal_dict **result, const char *path) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  static cal_dict *kept; /* the one opened last, and its file */
  static struct stat kept_file;
  struct stat file = {0};
  if (!path) path = CAL_DICT_PATH;
  pthread_mutex_lock(&mutex);
  int is_there = !stat(path, &file), code = 0;
  if (!kept || !is_there || !is_same_file(&file, &kept_file)) {
    cal_dict *fresh = NULL;
    code = open_file(&fresh, path);
    if (!code) cal_unref(kept), kept = fresh, kept_file = file;
  }
  if (!code) *result = cal_ref(kept);
  pthread_mutex_unlock(&mutex);
  return code;
}

static int copy_phones(char phones[CAL_DICT_PHONES_BYTES], const char *from, const char *end) {
  while (from < end && (*from == ' ' || *from == '\t')) from++;
  const char *stop = from;
  while (stop < end && *stop != '\n') stop++;
  while (stop > from && isspace((unsigned char)stop[-1])) stop--;
  size_t bytes = (size_t)(stop - from);
  if (!bytes || bytes >= CAL_DICT_PHONES_BYTES) return 0;
  memcpy(phones, from, bytes);
  phones[bytes] = 0;
  return 1;
}

int cal_dict_find(const cal_dict *dict, char phones[CAL_DICT_PHONES_BYTES], const char *word, int variant) {
  char key[CAL_DICT_WORD_BYTES + 8];
  int length = variant < 2 ? snprintf(key, sizeof key, "%s", word)
                           : snprintf(key, sizeof key, "%s(%d)", word, variant);
  if (length <= 0 || (size_t)length >= sizeof key) return 0;
  const char *end = dict->text + dict->bytes;
  for (uint32_t place = hash_of(key, (size_t)length) % PLACES; dict->places[place];
       place = (place + 1) % PLACES) {
    const char *line = dict->text + dict->places[place] - 1;
    if (word_bytes(line, end) != (size_t)length || memcmp(line, key, (size_t)length)) continue;
    return copy_phones(phones, line + length, end);
  }
  return 0;
}

/* flite's phones are CMU's in lower case with a stress digit on vowels, plus `ax`, `axr` and friends. */
static const char *phone_of(const char *flite_name) {
  char name[8];
  size_t bytes = strcspn(flite_name, "0123456789");
  if (!bytes || bytes >= sizeof name) return NULL;
  memcpy(name, flite_name, bytes);
  name[bytes] = 0;
  if (!strcmp(name, "ax")) return "AH";
  if (!strcmp(name, "axr")) return "ER";
  for (int i = 0; i < CAL_PHONES; i++)
    if (!strcasecmp(name, phone_names[i])) return phone_names[i];
  return NULL;
}

static int append(char phones[CAL_DICT_PHONES_BYTES], const char *more) {
  size_t bytes = strlen(phones), extra = strlen(more);
  if (bytes + extra + 2 > CAL_DICT_PHONES_BYTES) return 0;
  if (bytes) phones[bytes++] = ' ';
  memcpy(phones + bytes, more, extra + 1);
  return 1;
}

/* Letters have their names under "a.", "b." … because "a" alone is the article. */
static int spell(const cal_dict *dict, char phones[CAL_DICT_PHONES_BYTES], const char *word) {
  for (; *word; word++) {
    char letter[3] = {*word, '.', 0}, name[CAL_DICT_PHONES_BYTES];
    if (*word == '\'') continue;
    if (!cal_dict_find(dict, name, letter, 1) || !append(phones, name)) return 0;
  }
  return phones[0] != 0;
}

static int by_rule(char phones[CAL_DICT_PHONES_BYTES], const char *word) {
  cst_val *list = lex_lookup(cal_flite_lexicon(), word, NULL, NULL);
  int good = list != NULL;
  for (const cst_val *at = list; good && at; at = val_cdr(at)) {
    const char *phone = phone_of(val_string(val_car(at)));
    good = phone && append(phones, phone);
  }
  delete_val(list);
  return good && phones[0];
}

int cal_dict_guess(const cal_dict *dict, char phones[CAL_DICT_PHONES_BYTES], const char *word) {
  size_t bytes = strlen(word);
  char guess[CAL_DICT_PHONES_BYTES] = "";
  int is_plain =
      bytes > 0 && bytes < CAL_DICT_WORD_BYTES && strspn(word, "abcdefghijklmnopqrstuvwxyz'") == bytes;
  int is_initials = is_plain && !strpbrk(word, "aeiouy");
  if (!is_plain || !(is_initials ? spell(dict, guess, word) : by_rule(guess, word)))
    return cal_fail(-EINVAL, "\"%s\" is not in the dictionary and its sound cannot be guessed", word);
  memcpy(phones, guess, sizeof guess);
  return 0;
}
