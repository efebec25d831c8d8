#include "api/compile/disk_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

// An entry: this line, the payload's hash64, its size, the payload.
constexpr std::string_view kMagic = "tempera cache entry 1\n";
struct Header {
  uint64_t hash;
  uint64_t size;
};
constexpr size_t kHeaderBytes = kMagic.size() + sizeof(Header);

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_whole(std::string_view entry) {
  if (entry.size() < kHeaderBytes || !entry.starts_with(kMagic)) return false;
  Header header;
  std::memcpy(&header, entry.data() + kMagic.size(), sizeof(header));
  const std::string_view payload = entry.substr(kHeaderBytes);
  return header.size == payload.size() && header.hash == hash64(payload);
}

bool write_entry(const std::string& path, std::string_view payload) {
  const Header header{hash64(payload), payload.size()};
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << kMagic;
  file.write(std::bit_cast<std::array<char, sizeof(header)>>(header).data(), sizeof(header));
  file << payload;
  file.close();
  return file.good();
}

}  // namespace

std::string DiskCache::path(std::string_view kind, std::string_view key) const {
  return fmt::format("{}/{}/{}", folder_, kind, hash128_hex(key));
}

std::optional<std::string> DiskCache::find(std::string_view kind, std::string_view key) const {
  if (folder_.empty()) return std::nullopt;
  Result<std::string> entry = read_file(path(kind, key));
  if (!entry.ok() || !is_whole(*entry)) return std::nullopt;
  entry->erase(0, kHeaderBytes);
  return std::move(*entry);
}

// Written beside its place and renamed there. Not synced: after a power cut a torn entry is found
// out by its hash.
void DiskCache::store(std::string_view kind, std::string_view key, std::string_view bytes) const {
  if (folder_.empty()) return;
  static std::atomic<unsigned> counter = 0;
  const std::string place = path(kind, key);
  const std::string temporary = fmt::format("{}.tmp-{}-{}", place, ::getpid(), counter++);
  std::error_code failure;
  fs::create_directories(fs::path(place).parent_path(), failure);
  if (write_entry(temporary, bytes)) fs::rename(temporary, place, failure);
  fs::remove(temporary, failure);
}

std::string default_cache_folder() {
  if (std::string own = environment("TEMPERA_CACHE_DIR"); !own.empty()) return own;
  if (const std::string user = environment("XDG_CACHE_HOME"); !user.empty())
    return user + "/tempera";
  const std::string home = environment("HOME");
  return home.empty() ? home : home + "/.cache/tempera";
}

}  // namespace tempera::api
