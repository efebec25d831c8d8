#include "api/compile/disk_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "api/run/fit_memory.h"
#include "base/file.h"
#include "base/hash.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

// An entry: this line, the hash64 of label and payload, their sizes, the label, the payload.
constexpr std::string_view kMagic = "tempera cache entry 2\n";
struct Header {
  uint64_t hash;
  uint64_t label_size, size;
};
constexpr size_t kHeaderBytes = kMagic.size() + sizeof(Header);
constexpr std::string_view kTemporary = ".tmp-";
constexpr const char* kLimitVariable = "TEMPERA_CACHE_SIZE";
constexpr int64_t kDefaultLimit = int64_t{4} << 30;
// A writer takes far less; what it left behind is older.
constexpr auto kStale = std::chrono::hours(1);

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The header of what begins an entry, or none.
std::optional<Header> read_header(std::string_view entry) {
  if (entry.size() < kHeaderBytes || !entry.starts_with(kMagic)) return std::nullopt;
  Header header;
  std::memcpy(&header, entry.data() + kMagic.size(), sizeof(header));
  return header;
}

// Where the payload of a whole entry begins, or none.
std::optional<size_t> payload_of(std::string_view entry) {
  const std::optional<Header> header = read_header(entry);
  if (!header) return std::nullopt;
  const std::string_view rest = entry.substr(kHeaderBytes);
  if (header->label_size > rest.size() || header->size != rest.size() - header->label_size ||
      header->hash != hash64(rest))
    return std::nullopt;
  return kHeaderBytes + header->label_size;
}

bool write_entry(const std::string& path, std::string_view payload, std::string_view label) {
  const std::string content = std::string(label) + std::string(payload);
  const Header header{hash64(content), label.size(), payload.size()};
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << kMagic;
  file.write(std::bit_cast<std::array<char, sizeof(header)>>(header).data(), sizeof(header));
  file << content;
  file.close();
  return file.good();
}

bool is_entry_name(std::string_view name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_temporary_name(std::string_view name) {
  const size_t at = name.find(kTemporary);
  return at != std::string_view::npos && is_entry_name(name.substr(0, at));
}

struct FoundFile {
  fs::path path;
  int64_t bytes;
  fs::file_time_type used;
};

// The files of the cache whose names `wanted` takes; a file that goes meanwhile is left out.
template <typename Wanted>
std::vector<FoundFile> find_files(const std::string& folder, Wanted wanted) {
  std::vector<FoundFile> files;
  std::error_code ignored;
  if (folder.empty()) return files;
  for (const fs::directory_entry& kind : fs::directory_iterator(folder, ignored)) {
    if (!kind.is_directory(ignored)) continue;
    for (const fs::directory_entry& file : fs::directory_iterator(kind.path(), ignored)) {
      if (!wanted(file.path().filename().string())) continue;
      std::error_code failed;
      const auto bytes = static_cast<int64_t>(file.file_size(failed));
      const auto used = file.last_write_time(failed);
      if (!failed) files.push_back({file.path(), bytes, used});
    }
  }
  return files;
}

int64_t remove_file(const FoundFile& file) {
  std::error_code ignored;
  return fs::remove(file.path, ignored) ? file.bytes : 0;
}

std::string label_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(kHeaderBytes, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  const std::optional<Header> header = file ? read_header(begin) : std::nullopt;
  if (!header) return "torn";
  std::string label(std::min<uint64_t>(header->label_size, 200), '\0');
  file.read(label.data(), static_cast<std::streamsize>(label.size()));
  return file ? label : "torn";
}

}  // namespace

std::string DiskCache::path(std::string_view kind, std::string_view key) const {
  return fmt::format("{}/{}/{}", folder_, kind, hash128_hex(key));
}

std::optional<std::string> DiskCache::find(std::string_view kind, std::string_view key) const {
  if (folder_.empty()) return std::nullopt;
  const std::string place = path(kind, key);
  Result<std::string> entry = read_file(place);
  const std::optional<size_t> payload = entry.ok() ? payload_of(*entry) : std::nullopt;
  if (!payload) return std::nullopt;
  std::error_code ignored;
  fs::last_write_time(place, fs::file_time_type::clock::now(), ignored);
  entry->erase(0, *payload);
  return std::move(*entry);
}

// Written beside its place and renamed there. Not synced: after a power cut a torn entry is found
// out by its hash.
void DiskCache::store(std::string_view kind, std::string_view key, std::string_view bytes,
                      std::string_view label) const {
  if (folder_.empty()) return;
  static std::atomic<unsigned> counter = 0;
  const std::string place = path(kind, key);
  const std::string temporary = fmt::format("{}{}{}-{}", place, kTemporary, ::getpid(), counter++);
  std::error_code failure;
  fs::create_directories(fs::path(place).parent_path(), failure);
  if (write_entry(temporary, bytes, label)) fs::rename(temporary, place, failure);
  fs::remove(temporary, failure);
}

std::vector<CacheEntry> DiskCache::entries() const {
  std::vector<FoundFile> files = find_files(folder_, is_entry_name);
  std::ranges::sort(files, std::ranges::greater(), &FoundFile::used);
  std::vector<CacheEntry> entries;
  for (const FoundFile& file : files)
    entries.push_back({file.path.parent_path().filename().string(), label_of(file.path), file.bytes,
                       std::chrono::file_clock::to_sys(file.used)});
  return entries;
}

int64_t DiskCache::trim(int64_t limit) const {
  int64_t removed = 0, left = 0;
  const auto now = fs::file_time_type::clock::now();
  for (const FoundFile& file : find_files(folder_, is_temporary_name))
    if (limit < 0 || now - file.used > kStale) removed += remove_file(file);
  std::vector<FoundFile> files = find_files(folder_, is_entry_name);
  std::ranges::sort(files, {}, &FoundFile::used);
  for (const FoundFile& file : files) left += file.bytes;
  for (const FoundFile& file : files) {
    if (limit >= 0 && left <= limit) break;
    left -= file.bytes;
    removed += remove_file(file);
  }
  return removed;
}

std::string default_cache_folder() {
  if (std::string own = environment("TEMPERA_CACHE_DIR"); !own.empty()) return own;
  if (const std::string user = environment("XDG_CACHE_HOME"); !user.empty())
    return user + "/tempera";
  const std::string home = environment("HOME");
  return home.empty() ? home : home + "/.cache/tempera";
}

Result<int64_t> default_cache_limit() {
  const std::string text = environment(kLimitVariable);
  if (text.empty()) return kDefaultLimit;
  Result<int64_t> limit = parse_bytes(text);
  if (limit.ok()) return limit;
  return error(ErrorCode::invalid_argument, "{}: {}", kLimitVariable, limit.error().message);
}

std::string_view default_cache_limit_source() {
  return environment(kLimitVariable).empty() ? "default" : kLimitVariable;
}

}  // namespace tempera::api
