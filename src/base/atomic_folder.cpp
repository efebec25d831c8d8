#include "base/atomic_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace tempera {

namespace fs = std::filesystem;

Error folder_error(std::string_view action, const std::string& folder,
                   const std::error_code& code) {
  const bool full = code == std::errc::no_space_on_device;
  return error(full ? ErrorCode::resource_exhausted : ErrorCode::invalid_argument,
               "cannot {} the folder {}: {}", action, folder, code.message());
}

AtomicFolder::AtomicFolder(std::string place, std::string path)
    : place_(std::move(place)), path_(std::move(path)) {}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : place_(std::move(other.place_)), path_(std::exchange(other.path_, "")) {}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<AtomicFolder> AtomicFolder::create(const std::string& place) {
  static std::atomic<unsigned> counter = 0;
  std::string whole = place;
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  AtomicFolder folder(whole, fmt::format("{}.tmp-{}-{}", whole, ::getpid(), counter++));
  std::error_code failure;
  fs::create_directories(folder.path(), failure);
  if (failure) return folder_error("create", folder.path(), failure);
  return folder;
}

Status AtomicFolder::commit() {
  std::error_code failure;
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, place_.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(path_, failure);  // the old one; what is left of it hides nothing
    return {};
  }
  if (errno != ENOENT) fs::remove_all(place_, failure);
  fs::rename(path_, place_, failure);
  if (failure) return folder_error("write", place_, failure);
  return {};
}

}  // namespace tempera
