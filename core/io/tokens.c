#include "io/tokens.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define BUCKETS 1024
#define SPENT_KEPT_NS (60 * CAL_S) /* how long a used token is still known as used */

typedef struct token {
  struct token *next;
  cal_party *party; /* NULL: used */
  uint64_t expires_ns;
  char path[];
} token;

struct cal_tokens {
  pthread_mutex_t lock;
  token *buckets[BUCKETS];
  uint32_t count, ceiling;
};

static unsigned bucket_of(const char *path) {
  uint64_t hash = 1469598103934665603u;
  for (; *path; path++) hash = (hash ^ (unsigned char)*path) * 1099511628211u;
  return (hash ^ (hash >> 32)) % BUCKETS;
}

static token *token_free(token *t) {
  cal_unref(t->party);
  return cal_free(t);
}

cal_tokens *cal_tokens_new(uint32_t ceiling) {
  cal_tokens *tokens = cal_alloc(sizeof *tokens);
  pthread_mutex_init(&tokens->lock, NULL);
  tokens->ceiling = ceiling;
  return tokens;
}

cal_tokens *cal_tokens_free(cal_tokens *tokens) {
  if (!tokens) return NULL;
  for (unsigned i = 0; i < BUCKETS; i++)
    while (tokens->buckets[i]) {
      token *t = tokens->buckets[i];
      tokens->buckets[i] = t->next;
      token_free(t);
    }
  pthread_mutex_destroy(&tokens->lock);
  return cal_free(tokens);
}

static void sweep(cal_tokens *tokens, token **place, uint64_t now_ns) {
  while (*place) {
    token *t = *place;
    if (now_ns < t->expires_ns) {
      place = &t->next;
      continue;
    }
    *place = t->next;
    token_free(t);
    tokens->count--;
  }
}

static token **find(cal_tokens *tokens, const char *path) {
  token **place = &tokens->buckets[bucket_of(path)];
  while (*place && strcmp((*place)->path, path)) place = &(*place)->next;
  return place;
}

int cal_tokens_add(cal_tokens *tokens, cal_party *party, uint64_t now_ns) {
  const cal_party_options *about = cal_party_about(party);
  int code = 0;
  pthread_mutex_lock(&tokens->lock);
  if (tokens->count >= tokens->ceiling)
    for (unsigned i = 0; i < BUCKETS; i++) sweep(tokens, &tokens->buckets[i], now_ns);
  token **place = &tokens->buckets[bucket_of(about->path)];
  sweep(tokens, place, now_ns);
  if (tokens->count >= tokens->ceiling)
    code = cal_fail(-ENOBUFS, "%u media tokens are outstanding, which is the most allowed", tokens->ceiling);
  else if (*find(tokens, about->path))
    code = cal_fail(-EEXIST, "a media token for this path exists already");
  else {
    token *t = cal_alloc(sizeof *t + strlen(about->path) + 1);
    strcpy(t->path, about->path);
    t->party = cal_ref(party);
    t->expires_ns = about->token_expires_ns;
    t->next = *place;
    *place = t;
    tokens->count++;
  }
  pthread_mutex_unlock(&tokens->lock);
  return code;
}

void cal_tokens_withdraw(cal_tokens *tokens, const char *path) {
  pthread_mutex_lock(&tokens->lock);
  token **place = find(tokens, path);
  token *t = *place;
  if (t && t->party) { /* a used one stays known as used */
    *place = t->next;
    token_free(t);
    tokens->count--;
  }
  pthread_mutex_unlock(&tokens->lock);
}

/* Constant time in the content; the lengths are not secret. */
static int is_equal(const char *a, const char *b) {
  size_t bytes = strlen(a);
  if (bytes != strlen(b)) return 0;
  unsigned char difference = 0;
  for (size_t i = 0; i < bytes; i++) difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
  return !difference;
}

static int is_signed(const cal_party_options *about, const char *(*header)(void *, const char *),
                     void *context) {
  if (!about->signature_header) return 1;
  const char *given = header(context, about->signature_header);
  if (!given) return !about->signature_is_required;
  for (const char *const *right = about->signatures; right && *right; right++)
    if (is_equal(given, *right)) return 1;
  return 0;
}

cal_party *cal_tokens_take(cal_tokens *tokens, const char *path,
                           const char *(*header)(void *context, const char *name), void *context,
                           uint64_t now_ns, int *status) {
  cal_party *party = NULL;
  pthread_mutex_lock(&tokens->lock);
  token *t = *find(tokens, path);
  if (!t) {
    *status = 401;
  } else if (!t->party || now_ns >= t->expires_ns || !is_signed(cal_party_about(t->party), header, context)) {
    *status = 403;
  } else {
    party = t->party;
    t->party = NULL;
    t->expires_ns = now_ns + SPENT_KEPT_NS;
  }
  pthread_mutex_unlock(&tokens->lock);
  return party;
}
