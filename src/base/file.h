#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tempera {

// A whole file, mapped read-only. Pages come in when touched and may be released again.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }
  // Tells the system that these bytes are not needed for now; they are read again from the file
  // when touched.
  void release_pages(std::span<const std::byte> bytes) const;

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const std::byte* data_;
  size_t size_;
};

// The file's bytes; more than `limit` is resource_exhausted. "-" is not special.
Result<std::string> read_file(const std::string& path, size_t limit = size_t{1} << 30);

// Writes a file so that a reader, a crash or a full disk sees the old content or the new, never a
// part: the bytes go to a temporary file beside it, which is synced and renamed over `path` by
// commit(); without commit() nothing stays.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  Status commit();

 private:
  AtomicFile(std::string path, std::string temporary, int descriptor);
  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};
Status write_file(const std::string& path, std::string_view text);

}  // namespace tempera
