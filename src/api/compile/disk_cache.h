#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tempera::api {

// Entries on disk by key. A cache only: an entry that is torn or cannot be read is no entry, and
// one that cannot be written is left out. Several processes may use one folder at once.
class DiskCache {
 public:
  // An empty folder name: keeps nothing. The folder is made when the first entry is stored.
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  // `kind` is a sub-folder ("kernels"); `key` any text, hashed.
  std::optional<std::string> find(std::string_view kind, std::string_view key) const;
  void store(std::string_view kind, std::string_view key, std::string_view bytes) const;

 private:
  std::string path(std::string_view kind, std::string_view key) const;
  std::string folder_;
};

// $TEMPERA_CACHE_DIR, else $XDG_CACHE_HOME/tempera, else ~/.cache/tempera; empty where there is no
// home either.
std::string default_cache_folder();

}  // namespace tempera::api
