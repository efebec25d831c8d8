#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace tempera {
namespace {

// An open file, closed when it goes.
struct Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorCode::invalid_argument;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return ErrorCode::resource_exhausted;
    case EIO:
      return ErrorCode::data_loss;
    default:
      return ErrorCode::unavailable;
  }
}

Error system_error(std::string_view action, const std::string& path, int number) {
  std::string reason = std::generic_category().message(number);
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z')
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  return error(code_of(number), "cannot {} {}: {}", action, path, reason);
}

Result<size_t> size_of_regular_file(int fd, const std::string& path) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return system_error("read", path, errno);
  if (S_ISDIR(info.st_mode))
    return error(ErrorCode::invalid_argument, "cannot read {}: it is a folder, not a file", path);
  if (!S_ISREG(info.st_mode))
    return error(ErrorCode::invalid_argument, "cannot map {}: it is a device or a pipe, not a file",
                 path);
  return static_cast<size_t>(info.st_size);
}

ssize_t retry_read(int fd, char* data, size_t size) {
  ssize_t count = 0;
  do count = ::read(fd, data, size);
  while (count < 0 && errno == EINTR);
  return count;
}

// A name beside `path` that no other AtomicFile of this or another process has.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter = 0;
  return fmt::format("{}.tmp-{}-{}", path, ::getpid(), counter++);
}

// The file that `path` leads to, so that a symbolic link keeps pointing where it points.
std::string resolved(const std::string& path) {
  std::error_code failure;
  const std::filesystem::path target = std::filesystem::canonical(path, failure);
  return failure ? path : target.string();
}

bool is_device_or_pipe(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

// Makes a rename survive a power cut. A file system that cannot sync folders is not an error.
void sync_folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const Descriptor opened(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.fd >= 0) ::fsync(opened.fd);
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd < 0) return system_error("open", path, errno);
  ASSIGN_OR_RETURN(const size_t size, size_of_regular_file(file.fd, path));
  void* data = nullptr;
  if (size > 0) data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) return system_error("map", path, errno);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release_pages(std::span<const std::byte> bytes) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(bytes.data() - data_);
  CHECK(bytes.empty() || (bytes.data() >= data_ && offset + bytes.size() <= size_),
        "bytes outside of {}", path_);
  // Only whole pages: the neighbours of `bytes` may be in use. The file's last page has no
  // neighbour behind it.
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = offset + bytes.size() == size_ ? size_ : (offset + bytes.size()) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) return system_error("open", path, errno);
  struct stat info = {};
  if (::fstat(file.fd, &info) != 0) return system_error("read", path, errno);
  const size_t expected = S_ISREG(info.st_mode) ? static_cast<size_t>(info.st_size) : 0;
  // One byte more than expected, so that the read that finds the end needs no more room.
  std::string text(std::min(expected, limit) + 1, '\0');
  for (size_t used = 0;;) {
    if (used == text.size()) text.resize(used + std::max(used, size_t{64} << 10));
    const ssize_t count = retry_read(file.fd, text.data() + used, text.size() - used);
    if (count < 0) return system_error("read", path, errno);
    used += static_cast<size_t>(count);
    if (used > limit)
      return error(ErrorCode::resource_exhausted,
                   "{} has more than the {} bytes that are read of such a file", path, limit);
    if (count == 0) {
      text.resize(used);
      return text;
    }
  }
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  const std::string target = resolved(path);
  if (is_device_or_pipe(target)) {
    const int fd = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return system_error("write", path, errno);
    return AtomicFile(target, {}, fd);
  }
  if (std::error_code ignored; std::filesystem::is_directory(target, ignored))
    return system_error("write", path, EISDIR);
  std::string temporary = temporary_name(target);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("write", path, errno);
  return AtomicFile(target, std::move(temporary), fd);
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  CHECK(descriptor_ >= 0, "write to {} after commit", path_);
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write", path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

Status AtomicFile::write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

Status AtomicFile::commit() {
  CHECK(descriptor_ >= 0, "second commit of {}", path_);
  const bool synced = temporary_.empty() || ::fsync(descriptor_) == 0;
  const int sync_failure = errno;
  const bool closed = ::close(std::exchange(descriptor_, -1)) == 0;
  if (!synced) return system_error("write", path_, sync_failure);
  if (!closed) return system_error("write", path_, errno);
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error("write", path_, errno);
  temporary_.clear();
  sync_folder_of(path_);
  return {};
}

Status write_file(const std::string& path, std::string_view text) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  TRY(file.write(text));
  return file.commit();
}

}  // namespace tempera
