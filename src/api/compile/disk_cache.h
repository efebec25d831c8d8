#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::api {

struct CacheEntry {
  std::string kind, label;
  int64_t bytes = 0;
  std::chrono::system_clock::time_point last_used;
};

// Entries on disk by key. A cache only: an entry that is torn or cannot be read is no entry, and
// one that cannot be written is left out. Several processes may use one folder at once.
class DiskCache {
 public:
  // An empty folder name: keeps nothing. The folder is made when the first entry is stored.
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  // `kind` is a sub-folder ("kernels"); `key` any text, hashed. An entry that is found counts as
  // used now.
  std::optional<std::string> find(std::string_view kind, std::string_view key) const;
  // `label` says what the entry is, for people who list them.
  void store(std::string_view kind, std::string_view key, std::string_view bytes,
             std::string_view label = {}) const;

  // Whole or torn, the one used last first. Other files in the folder are left out, here and below.
  std::vector<CacheEntry> entries() const;
  // Removes those entries that were used longest ago, until the rest take no more than `limit`
  // bytes, and what writers that died left behind. Returns the bytes removed.
  int64_t trim(int64_t limit) const;
  int64_t clear() const { return trim(-1); }

 private:
  std::string path(std::string_view kind, std::string_view key) const;
  std::string folder_;
};

// $TEMPERA_CACHE_DIR, else $XDG_CACHE_HOME/tempera, else ~/.cache/tempera; empty where there is no
// home either.
std::string default_cache_folder();

// $TEMPERA_CACHE_SIZE as parse_bytes reads it, else 4 GiB; and which of them: "TEMPERA_CACHE_SIZE"
// or "default".
Result<int64_t> default_cache_limit();
std::string_view default_cache_limit_source();

}  // namespace tempera::api
