#include "backend/cpu/device/shared_library.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "backend/cpu/device/host.h"

namespace tempera::cpu {
namespace {

using runtime::ModuleCode;

#if defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
constexpr Elf64_Half kMachine = EM_X86_64;
#endif

std::string label(const ModuleCode& code) {
  return code.path.empty() ? "compiled code" : code.path;
}

Status check_header(const ModuleCode& code) {
  Elf64_Ehdr header;
  const bool is_library = code.bytes.size() >= sizeof(header) &&
                          (std::memcpy(&header, code.bytes.data(), sizeof(header)), true) &&
                          std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                          header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_type == ET_DYN;
  if (!is_library)
    return error(ErrorCode::data_loss, "{}: this is no 64-bit shared library", label(code));
  if (header.e_machine == kMachine) return {};
  return error(ErrorCode::unsupported,
               "{}: the code is for another processor (ELF machine {}) than this {}; compile it "
               "with --cpu native",
               label(code), header.e_machine, host_architecture());
}

Status write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return error(ErrorCode::resource_exhausted, "cannot keep {} bytes of code in memory: {}",
                   bytes.size(), std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

struct Opened {
  int descriptor = -1;
  ~Opened() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

// Code in memory as a file that the loader can open.
Result<std::string> as_file(const ModuleCode& code, Opened& file) {
  if (!code.path.empty()) return std::filesystem::absolute(code.path).string();
  file.descriptor = ::memfd_create("tempera-kernels", MFD_CLOEXEC);
  if (file.descriptor < 0)
    return error(ErrorCode::unavailable, "cannot create a file in memory: {}",
                 std::strerror(errno));
  TRY(write_all(file.descriptor, code.bytes));
  return fmt::format("/proc/self/fd/{}", file.descriptor);
}

}  // namespace

Result<std::unique_ptr<SharedLibrary>> SharedLibrary::load(const ModuleCode& code) {
  TRY(check_header(code));
  Opened file;
  ASSIGN_OR_RETURN(const std::string path, as_file(code, file));
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return error(ErrorCode::unavailable, "cannot load {}: {}", label(code), ::dlerror());
  return std::unique_ptr<SharedLibrary>(
      new SharedLibrary(handle, std::exchange(file.descriptor, -1)));
}

SharedLibrary::~SharedLibrary() {
  ::dlclose(handle_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void* SharedLibrary::find(const std::string& symbol) const {
  return ::dlsym(handle_, symbol.c_str());
}

}  // namespace tempera::cpu
