-- A database file of SQLite, opened beside the engine that uses it, as other programs do: through the foreign function
-- interface of LuaJIT, which tools have.

local sqlite = {}

local function library()
  local has_ffi, ffi = pcall(require, "ffi")
  if not has_ffi then return nil end
  for _, name in ipairs { "sqlite3", "libsqlite3.so.0" } do
    local ok, lib = pcall(ffi.load, name)
    if ok then return ffi, lib end
  end
end

local ffi, lib = library()

if lib then
  ffi.cdef [[
    typedef struct sqlite3 sqlite3;
    typedef struct sqlite3_stmt sqlite3_stmt;
    int sqlite3_open(const char *path, sqlite3 **db);
    int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int bytes, sqlite3_stmt **statement, const char **tail);
    int sqlite3_bind_text(sqlite3_stmt *, int, const char *, int, void (*)(void *));
    int sqlite3_bind_double(sqlite3_stmt *, int, double);
    int sqlite3_bind_int64(sqlite3_stmt *, int, int64_t);
    int sqlite3_bind_parameter_index(sqlite3_stmt *, const char *name);
    int sqlite3_step(sqlite3_stmt *);
    int sqlite3_finalize(sqlite3_stmt *);
    int sqlite3_column_count(sqlite3_stmt *);
    int sqlite3_column_type(sqlite3_stmt *, int);
    const char *sqlite3_column_name(sqlite3_stmt *, int);
    const char *sqlite3_column_text(sqlite3_stmt *, int);
    double sqlite3_column_double(sqlite3_stmt *, int);
    const char *sqlite3_errmsg(sqlite3 *);
    int sqlite3_extended_errcode(sqlite3 *);
    int sqlite3_changes(sqlite3 *);
  ]]
end

local TRANSIENT, ROW, DONE = -1, 100, 101

local function run(db, sql, values, count)
  local statement = ffi.new("sqlite3_stmt *[1]")
  if lib.sqlite3_prepare_v2(db, sql, #sql, statement, nil) ~= 0 then return nil, ffi.string(lib.sqlite3_errmsg(db)), "EINVAL" end
  for each = 1, count do
    local value = values[each]
    local i = lib.sqlite3_bind_parameter_index(statement[0], "$" .. each) -- SQLite takes "$2" for a name
    if type(value) == "string" then
      lib.sqlite3_bind_text(statement[0], i, value, #value, ffi.cast("void (*)(void *)", TRANSIENT))
    elseif type(value) == "number" and value == math.floor(value) then
      lib.sqlite3_bind_int64(statement[0], i, value)
    elseif type(value) == "number" then
      lib.sqlite3_bind_double(statement[0], i, value)
    elseif type(value) == "boolean" then
      lib.sqlite3_bind_int64(statement[0], i, value and 1 or 0)
    end
  end
  local rows, code = {}, ROW
  while code == ROW do
    code = lib.sqlite3_step(statement[0])
    if code ~= ROW then break end
    local row = {}
    for i = 0, lib.sqlite3_column_count(statement[0]) - 1 do
      local kind = lib.sqlite3_column_type(statement[0], i)
      local name = ffi.string(lib.sqlite3_column_name(statement[0], i))
      if kind == 1 or kind == 2 then
        row[name] = tonumber(lib.sqlite3_column_double(statement[0], i))
      elseif kind ~= 5 then
        row[name] = ffi.string(lib.sqlite3_column_text(statement[0], i))
      end
    end
    rows[#rows + 1] = row
  end
  local message, extended = ffi.string(lib.sqlite3_errmsg(db)), lib.sqlite3_extended_errcode(db)
  lib.sqlite3_finalize(statement[0])
  if code ~= DONE then return nil, message, (extended == 2067 or extended == 1555) and "EEXIST" or "EINVAL" end
  rows.affected = lib.sqlite3_changes(db)
  return rows
end

---@param path string  a file that is there already
---@return fun(sql: string, values: any[]|nil, count: integer|nil): table[]|nil, string?, string?
function sqlite.open(path)
  assert(lib, "libsqlite3 is not installed")
  local db = ffi.new("sqlite3 *[1]")
  assert(lib.sqlite3_open(path, db) == 0)
  return function(sql, values, count) return run(db[0], sql, values or {}, count or #(values or {})) end
end

return sqlite
