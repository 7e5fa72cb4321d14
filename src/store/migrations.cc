// SPDX-License-Identifier: Apache-2.0
#include "store/migrations.h"

#include <array>

#include "base/uuid.h"
#include "job/spec.h"
#include "store/schema_sql.h"

namespace takt::store {
namespace {

// kSteps[n] leads from version n + 1 to n + 2. A step that was released never changes.
constexpr std::array<const char*, kSchemaVersion - 1> kSteps{
    "ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN held_by TEXT;"
    "ALTER TABLE jobs ADD COLUMN held_by_operator INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN not_before_us INTEGER;"
    "ALTER TABLE jobs ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN retry_of TEXT;"
    "CREATE TABLE labels(key TEXT NOT NULL, value TEXT NOT NULL,"
    " number INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,"
    " PRIMARY KEY(key, value, number)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX labels_by_job ON labels(number);"
    "CREATE INDEX attempts_by_worker ON attempts(worker_name, job);"
    "ALTER TABLE workers ADD COLUMN drain_by TEXT;"
    "ALTER TABLE workers ADD COLUMN drain_reason TEXT;"
    "ALTER TABLE workers ADD COLUMN drain_start_us INTEGER;"
    "ALTER TABLE workers ADD COLUMN drain_deadline_us INTEGER;",
    "ALTER TABLE jobs ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN whole INTEGER;"
    "ALTER TABLE jobs ADD COLUMN part_index INTEGER;"
    "ALTER TABLE jobs ADD COLUMN part_worker TEXT;"
    "ALTER TABLE jobs ADD COLUMN stop_requeue INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE workers ADD COLUMN drain_requeue INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE events ADD COLUMN is_part INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX jobs_by_user;"
    "CREATE INDEX jobs_whole ON jobs(number) WHERE whole IS NULL;"
    "CREATE INDEX jobs_whole_by_state ON jobs(state, number) WHERE whole IS NULL;"
    "CREATE INDEX jobs_whole_by_user ON jobs(submit_user, number) WHERE whole IS NULL;"
    "CREATE INDEX jobs_whole_by_user_and_state ON jobs(submit_user, state, number)"
    " WHERE whole IS NULL;"
    "CREATE INDEX parts_of_whole ON jobs(whole, number) WHERE whole IS NOT NULL;"
    "CREATE INDEX parts_by_state ON jobs(whole, state) WHERE whole IS NOT NULL;",
};

void set_version(Connection& connection, std::int64_t version) {
  connection.execute(("PRAGMA user_version=" + std::to_string(version)).c_str());
}

// Version 1 kept labels in the spec only.
Result<void> fill_labels(Connection& connection) {
  Query specs(connection.prepare("SELECT number, spec_record FROM specs"));
  while (specs.next()) {
    const std::int64_t number = specs.get_number();
    const auto spec = decode_spec(specs.get_text());
    if (!spec) return spec.error().in("a spec in the store");
    for (const auto& [key, value] : spec->labels) {
      Query label(connection.prepare("INSERT INTO labels(key, value, number) VALUES(?, ?, ?)"));
      label.text(key).text(value).number(number).run();
    }
  }
  return {};
}

void create(Connection& connection) {
  SQLite::Transaction whole(connection.database());
  connection.execute(kSchemaSql);
  Query(connection.prepare("INSERT INTO meta(key, value) VALUES('epoch', '0')")).run();
  const std::string id = Uuid::random().str();
  Query(connection.prepare("INSERT INTO meta(key, value) VALUES('store_id', ?)")).text(id).run();
  set_version(connection, kSchemaVersion);
  whole.commit();
}

Result<void> step_up(Connection& connection, std::int64_t from) {
  SQLite::Transaction whole(connection.database());
  connection.execute(kSteps.at(static_cast<std::size_t>(from - 1)));
  if (from == 1)
    if (auto filled = fill_labels(connection); !filled) return filled;
  set_version(connection, from + 1);
  whole.commit();
  return {};
}

}  // namespace

Result<void> prepare_schema(Connection& connection, const std::string& path) {
  const std::int64_t version = connection.number_of("PRAGMA user_version");
  if (version > kSchemaVersion) {
    return make_error(ErrorCode::kFailedPrecondition,
                      path + " was written by a newer takt (schema " + std::to_string(version) +
                          "; this program knows up to " + std::to_string(kSchemaVersion) +
                          "); install that version, or use another state_directory");
  }
  if (version <= 0) {
    if (connection.number_of("SELECT count(*) FROM sqlite_master") != 0) {
      return make_error(ErrorCode::kFailedPrecondition,
                        path + " is a database, but not takt's; use another state_directory");
    }
    create(connection);
  }
  for (std::int64_t from = version; from > 0 && from < kSchemaVersion; ++from)
    if (auto stepped = step_up(connection, from); !stepped) return stepped;
  return {};
}

}  // namespace takt::store
