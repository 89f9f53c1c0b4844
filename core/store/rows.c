#include "store/rows.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "data/utf8.h"

/* A cell costs this much of the answer's ceiling besides its bytes, so that a million NULLs have a price too.
 */
#define CELL_BYTES (sizeof(cal_store_value) + sizeof(size_t))
#define KEEP_CELLS 4096 /* memory kept between answers */

void cal_rows_init(cal_rows *rows) {
  *rows = (cal_rows){0};
  cal_buf_init(&rows->bytes, CAL_STORE_RESULT_BYTES);
}

void cal_rows_free(cal_rows *rows) {
  cal_buf_free(&rows->bytes);
  rows->cells = cal_free(rows->cells);
  rows->offsets = cal_free(rows->offsets);
  rows->count = rows->room = 0;
}

void cal_rows_start(cal_rows *rows, uint32_t columns) {
  if (rows->room > KEEP_CELLS) {
    cal_rows_free(rows);
    cal_rows_init(rows);
  }
  cal_buf_clear(&rows->bytes);
  rows->count = 0;
  rows->columns = columns;
}

static void make_room(cal_rows *rows) {
  if (rows->count < rows->room) return;
  rows->room = rows->room ? rows->room * 2 : 64;
  rows->cells = cal_resize(rows->cells, rows->room * sizeof *rows->cells);
  rows->offsets = cal_resize(rows->offsets, rows->room * sizeof *rows->offsets);
}

static int add_bytes(cal_rows *rows, const char *at, size_t bytes) {
  int code = bytes ? cal_buf_append(&rows->bytes, at, bytes) : 0;
  return code ? code : cal_buf_append(&rows->bytes, "", 1);
}

/* Rows that were written before texts were mended may still hold what is not UTF-8. */
static int add_mended(cal_rows *rows, cal_span text, size_t bytes) {
  char *mended = cal_alloc(bytes);
  cal_utf8_mend(mended, text.at, text.bytes);
  int code = add_bytes(rows, mended, bytes);
  cal_free(mended);
  return code;
}

int cal_rows_add(cal_rows *rows, const cal_store_value *value) {
  uint32_t row_ceiling = CAL_STORE_RESULT_ROWS + 1; /* the names are the first row */
  if (rows->count / rows->columns >= row_ceiling)
    return cal_fail(-EMSGSIZE, "the answer has more than %d rows: ask for fewer with LIMIT",
                    CAL_STORE_RESULT_ROWS);
  int is_text = value->type == CAL_STORE_TEXT, has_bytes = is_text || value->type == CAL_STORE_BLOB;
  size_t bytes = is_text ? cal_utf8_mend(NULL, value->bytes.at, value->bytes.bytes) : value->bytes.bytes;
  size_t used = rows->bytes.bytes + rows->count * CELL_BYTES;
  if (used + CELL_BYTES + bytes + 1 > CAL_STORE_RESULT_BYTES)
    return cal_fail(-EMSGSIZE, "the answer is larger than %d bytes: ask for less with LIMIT",
                    CAL_STORE_RESULT_BYTES);
  make_room(rows);
  rows->cells[rows->count] = *value;
  rows->cells[rows->count].bytes.bytes = bytes;
  rows->offsets[rows->count] = rows->bytes.bytes;
  int code = 0;
  if (has_bytes)
    code = bytes == value->bytes.bytes ? add_bytes(rows, value->bytes.at, bytes)
                                       : add_mended(rows, value->bytes, bytes);
  if (!code) rows->count++;
  return code;
}

/* [result][values][names][bytes] */
cal_store_result *cal_rows_pack(const cal_rows *rows, int64_t changes) {
  uint32_t columns = rows->columns;
  uint32_t cells = columns ? rows->count - columns : 0;
  size_t values_at = sizeof(cal_store_result);
  size_t names_at = values_at + cells * sizeof(cal_store_value);
  size_t bytes_at = names_at + columns * sizeof(char *);
  char *memory = cal_alloc(bytes_at + rows->bytes.bytes + 1);
  if (rows->bytes.bytes) memcpy(memory + bytes_at, rows->bytes.data, rows->bytes.bytes);
  const char **names = (const char **)(void *)(memory + names_at);
  for (uint32_t i = 0; i < columns; i++) names[i] = memory + bytes_at + rows->offsets[i];
  cal_store_value *values = (cal_store_value *)(void *)(memory + values_at);
  for (uint32_t i = 0; i < cells; i++) {
    values[i] = rows->cells[columns + i];
    if (values[i].type == CAL_STORE_TEXT || values[i].type == CAL_STORE_BLOB)
      values[i].bytes.at = memory + bytes_at + rows->offsets[columns + i];
    else
      values[i].bytes = (cal_span){0};
  }
  cal_store_result *result = (cal_store_result *)(void *)memory;
  *result = (cal_store_result){.error = "",
                               .changes = changes,
                               .columns = columns,
                               .rows = columns ? cells / columns : 0,
                               .names = names,
                               .values = values};
  return result;
}
