#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace tempera::frontend {

// Reads the fields of one config.json. The first thing wrong is kept, and later reads give their
// fallbacks, so that a parser reads like the list of its fields; it ends with `status()`. Absent
// and null fields give the fallback.
class ConfigReader {
 public:
  // No extent or count in a config may be larger: what is built from it stays bounded.
  static constexpr int64_t kMaxExtent = 1 << 20;

  // `json` must outlive the reader. `file` names it in errors.
  ConfigReader(const Json& json, std::string file);

  bool has(std::string_view key) const;  // present and not null
  int64_t integer(std::string_view key, int64_t fallback, int64_t least = 1,
                  int64_t most = kMaxExtent);
  double number(std::string_view key, double fallback);
  bool boolean(std::string_view key, bool fallback);
  std::string text(std::string_view key, std::string fallback);
  // At most 64 entries; a value alone is a list of one.
  std::vector<int64_t> integers(std::string_view key, std::vector<int64_t> fallback);
  std::vector<bool> booleans(std::string_view key, std::vector<bool> fallback);
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> fallback);
  // One integer for each of `blocks` blocks: a list of that length, or one value for all.
  std::vector<int64_t> integer_per_block(std::string_view key, int64_t fallback, size_t blocks);
  std::vector<bool> boolean_per_block(std::string_view key, bool fallback, size_t blocks);

  // Refuses a field that is present and not null (`what` is the feature it stands for) or that has
  // another value.
  void refuse_present(std::string_view key, std::string_view what);
  void require_text(std::string_view key, std::string_view only, std::string_view what);
  void require_false(std::string_view key, std::string_view what);
  void require(bool condition, ErrorCode code,
               std::string message);  // `message` without the file's name

  const std::string& file() const { return file_; }
  const Status& status() const { return status_; }

 private:
  const Json* field(std::string_view key) const;
  void keep(const Error& error);
  template <typename T>
  T read(std::string_view key, T fallback);
  template <typename T>
  std::vector<T> read_list(std::string_view key, std::vector<T> fallback);
  template <typename T>
  std::vector<T> per_block(std::string_view key, std::vector<T> values, size_t blocks);

  const Json& json_;
  std::string file_;
  Status status_;
};

}  // namespace tempera::frontend
